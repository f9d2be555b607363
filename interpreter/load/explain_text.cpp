#include "interpreter/load/explain_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "guest-init/base/units.h"

namespace ktstr {
namespace {

std::string WithArticle(std::string_view noun) {
  const bool vowel =
      !noun.empty() && std::string_view("aeiouAEIO").find(noun.front()) != std::string_view::npos;
  return fmt::format("{} {}", vowel ? "an" : "a", noun);
}

// Bounds beyond 53 bits say only how wide the C++ type is; nobody needs to read them.
constexpr double kUninteresting = 9e15;

// Whole numbers in full: the shortest form of 100000 would be 1e+05.
std::string BoundNumber(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15)
    return std::to_string(static_cast<std::int64_t>(value));
  return FormatDouble(value);
}

}  // namespace

std::string ExpectPhrase(const TypeDecl& type) {
  switch (type.kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kInt:
    case Kind::kUint:
      return "an integer";
    case Kind::kDouble:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kScalar:
      return fmt::format("{} ({})", WithArticle(type.scalar->name), type.scalar->examples);
    case Kind::kEnum: {
      const auto names = EnumNames(*type.enumeration);
      return names.size() > 8 ? WithArticle(type.enumeration->name) : JoinNames(names, "or");
    }
    case Kind::kOptional:
      return ExpectPhrase(type.container->element());
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kStruct:
      if (const ShorthandDecl* shorthand = type.structure().shorthand; shorthand != nullptr)
        return fmt::format("a map or a short form ({})", shorthand->examples);
      return "a map";
    case Kind::kOneKey:
      return fmt::format("a map with one key, the name of {}", WithArticle(type.choice->name));
    case Kind::kVariant:
      return fmt::format("the name of {}", WithArticle(type.choice->name));
  }
  return {};
}

std::string TypeText(const TypeDecl& type) {
  switch (type.kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kInt:
    case Kind::kUint:
      return "integer";
    case Kind::kDouble:
      return "number";
    case Kind::kString:
      return "string";
    case Kind::kScalar:
      return std::string(type.scalar->name);
    case Kind::kEnum:
      return fmt::format("{}", fmt::join(EnumNames(*type.enumeration), " | "));
    case Kind::kOptional:
      return TypeText(type.container->element());
    case Kind::kList:
      return "list of " + TypeText(type.container->element());
    case Kind::kMap:
      return "map from names to " + TypeText(type.container->element());
    case Kind::kStruct:
      return std::string(type.structure().name);
    case Kind::kOneKey:
      return std::string(type.choice->name);
    case Kind::kVariant:
      return fmt::format("name of {}", WithArticle(type.choice->name));
  }
  return {};
}

std::string BoundsText(const TypeDecl& type, const Limits& limits) {
  const TypeDecl& element = ElementType(type);
  bool has_min = limits.has_min;
  bool has_max = limits.has_max;
  double min = limits.min;
  double max = limits.max;
  if (element.integer != nullptr) {
    const auto type_min = static_cast<double>(element.integer->min);
    const auto type_max = static_cast<double>(element.integer->max);
    if (!has_min && type_min > -kUninteresting) {
      min = type_min;
      has_min = true;
    }
    if (!has_max && type_max < kUninteresting) {
      max = type_max;
      has_max = true;
    }
  }
  const std::string unit = limits.unit.empty() ? "" : " " + std::string(limits.unit);
  const std::string_view more = limits.exclusive_min ? "more than" : "at least";
  if (has_min && has_max && !limits.exclusive_min)
    return fmt::format("between {} and {}{}", BoundNumber(min), BoundNumber(max), unit);
  if (has_min && has_max)
    return fmt::format("{} {} and at most {}{}", more, BoundNumber(min), BoundNumber(max), unit);
  if (has_min) return fmt::format("{} {}{}", more, BoundNumber(min), unit);
  if (has_max) return fmt::format("at most {}{}", BoundNumber(max), unit);
  return {};
}

const TypeDecl& ElementType(const TypeDecl& type) {
  const TypeDecl* at = &type;
  while (at->kind == Kind::kOptional || at->kind == Kind::kList) at = &at->container->element();
  return *at;
}

const TypeDecl& WithoutOptional(const TypeDecl& type) {
  const TypeDecl* at = &type;
  while (at->kind == Kind::kOptional) at = &at->container->element();
  return *at;
}

const FieldDecl* VariantField(const StructDecl& decl) {
  for (const FieldDecl& field : decl.fields)
    if (field.type().kind == Kind::kVariant) return &field;
  return nullptr;
}

std::vector<std::string_view> FieldNames(const StructDecl& decl) {
  std::vector<std::string_view> names;
  for (const FieldDecl& field : decl.fields)
    if (!field.name.empty()) names.push_back(field.name);
  return names;
}

std::vector<std::string_view> EnumNames(const EnumDecl& decl) {
  std::vector<std::string_view> names;
  for (const EnumValue& value : decl.values) names.push_back(value.name);
  return names;
}

std::vector<std::string_view> AlternativeNames(const ChoiceDecl& decl) {
  std::vector<std::string_view> names;
  for (const StructDecl* alternative : decl.alternatives()) names.push_back(alternative->name);
  return names;
}

const StructDecl* FindAlternative(const ChoiceDecl& decl, std::string_view name) {
  for (const StructDecl* alternative : decl.alternatives())
    if (alternative->name == name) return alternative;
  return nullptr;
}

std::string JoinNames(std::span<const std::string_view> names, std::string_view last_word) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) text += i + 1 == names.size() ? fmt::format(" {} ", last_word) : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace ktstr
