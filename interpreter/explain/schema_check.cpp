// The rules that declarations keep, checked over everything reachable from a root.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "interpreter/explain/schema.h"
#include "interpreter/load/document.h"
#include "interpreter/load/explain_text.h"

namespace ktstr {
namespace {

void Visit(const StructDecl& decl, std::vector<const StructDecl*>& seen);

void VisitType(const TypeDecl& type, std::vector<const StructDecl*>& seen) {
  if (type.container != nullptr) VisitType(type.container->element(), seen);
  if (type.structure != nullptr) Visit(type.structure(), seen);
  if (type.choice == nullptr) return;
  for (const StructDecl* alternative : type.choice->alternatives()) Visit(*alternative, seen);
}

void Visit(const StructDecl& decl, std::vector<const StructDecl*>& seen) {
  if (std::find(seen.begin(), seen.end(), &decl) != seen.end()) return;
  seen.push_back(&decl);
  for (const FieldDecl& field : decl.fields) VisitType(field.type(), seen);
}

class Checker {
 public:
  void Struct(const StructDecl& decl);
  std::vector<std::string> Take() { return std::move(diagnostics_); }

 private:
  void Field(const StructDecl& decl, const FieldDecl& field);
  void Variant(const StructDecl& decl, const FieldDecl& field);
  void Pattern(const std::string& where, std::string_view pattern, std::string_view examples);
  void Diagnose(const std::string& where, std::string_view message) {
    diagnostics_.push_back(fmt::format("{}: {}", where, message));
  }

  std::vector<std::string> diagnostics_;
  std::set<std::string_view> names_;
};

void Checker::Pattern(const std::string& where, std::string_view pattern, std::string_view examples) {
  try {
    const std::regex regex{std::string(pattern)};
    for (const std::string& example : SplitExamples(examples))
      if (!std::regex_search(example, regex))
        Diagnose(where, fmt::format("the pattern refuses the example {}", example));
  } catch (const std::regex_error& error) {
    Diagnose(where, fmt::format("the pattern does not compile: {}", error.what()));
  }
}

void Checker::Variant(const StructDecl& decl, const FieldDecl& field) {
  if (VariantField(decl) != &field)
    Diagnose(fmt::format("{}.{}", decl.name, field.name), "a second choice in one struct");
  for (const StructDecl* alternative : field.type().choice->alternatives()) {
    const FieldDecl* const key = alternative->Find(alternative->name);
    if (field.name.empty() && (key == nullptr || !key->required))
      Diagnose(std::string(alternative->name),
               "it is chosen by the key of its name, which it does not require");
    for (const FieldDecl& parameter : alternative->fields)
      if (decl.Find(parameter.name) != nullptr)
        Diagnose(fmt::format("{}.{}", alternative->name, parameter.name),
                 fmt::format("hidden by the key of the same name of {}", decl.name));
  }
}

void Checker::Field(const StructDecl& decl, const FieldDecl& field) {
  const std::string where = fmt::format("{}.{}", decl.name, field.name);
  const TypeDecl& type = field.type();
  const TypeDecl& element = ElementType(type);
  const Limits& limits = field.limits;
  if (field.doc.empty()) Diagnose(where, "it has no doc");
  if (decl.exactly_one && type.kind != Kind::kOptional)
    Diagnose(where, "one of several that exclude each other must be optional");
  if (type.kind == Kind::kVariant) Variant(decl, field);
  if (type.kind != Kind::kVariant && element.kind == Kind::kVariant)
    Diagnose(where, "a choice must be a field of its own");
  const bool number =
      element.kind == Kind::kInt || element.kind == Kind::kUint || element.kind == Kind::kDouble;
  const bool of_map = element.kind == Kind::kMap;
  if ((limits.has_min || limits.has_max) && !number)
    Diagnose(where, "bounds on what is not a number are not checked");
  if (limits.min_items > 0 && WithoutOptional(type).kind != Kind::kList)
    Diagnose(where, "min_items on what is not a list");
  if (!limits.pattern.empty()) {
    if (element.kind != Kind::kString && !of_map)
      Diagnose(where, "a pattern on what is neither a string nor a map");
    Pattern(where, limits.pattern, {});
  }
  if (element.kind == Kind::kScalar) Pattern(where, element.scalar->pattern, element.scalar->examples);
  if (element.kind == Kind::kEnum)
    for (const EnumValue& value : element.enumeration->values)
      if (ResolvePlainScalar(value.name) != NodeKind::kString)
        Diagnose(where, fmt::format("the value {} is not a string in YAML", value.name));
}

void Checker::Struct(const StructDecl& decl) {
  const std::string where(decl.name);
  if (decl.doc.empty()) Diagnose(where, "it has no doc");
  if (!names_.insert(decl.name).second) Diagnose(where, "another struct has the same name");
  std::set<std::string_view> fields;
  for (const FieldDecl& field : decl.fields) {
    if (!fields.insert(field.name).second)
      Diagnose(where, fmt::format("two fields are called {}", field.name));
    Field(decl, field);
  }
  if (decl.shorthand == nullptr) return;
  Pattern(where, decl.shorthand->pattern, decl.shorthand->examples);
  std::vector<std::string> accepted = SplitExamples(decl.shorthand->examples);
  for (const NamedForm& form : decl.shorthand->names) {
    accepted.emplace_back(form.name);
    if (form.doc.empty()) Diagnose(where, fmt::format("the name {} has no doc", form.name));
  }
  for (const std::string& text : accepted) {
    const std::shared_ptr<void> object = decl.make();
    if (const std::string diagnostic = decl.shorthand->parse(text, object.get()); !diagnostic.empty())
      Diagnose(where, fmt::format("the short form refuses {}: {}", text, diagnostic));
  }
}

}  // namespace

std::vector<const StructDecl*> ReachableStructs(const StructDecl& root) {
  std::vector<const StructDecl*> seen;
  Visit(root, seen);
  return seen;
}

std::vector<std::string> DeclarationFaults(const StructDecl& root) {
  Checker checker;
  for (const StructDecl* decl : ReachableStructs(root)) checker.Struct(*decl);
  return checker.Take();
}

std::vector<std::string> SplitExamples(std::string_view examples) {
  std::vector<std::string> out;
  while (!examples.empty()) {
    const bool quoted = examples.front() == '"';
    if (quoted) examples.remove_prefix(1);
    const std::size_t end = std::min(examples.find(quoted ? '"' : ','), examples.size());
    out.emplace_back(examples.substr(0, end));
    examples.remove_prefix(std::min(examples.size(), end + 1));
    examples.remove_prefix(std::min(examples.find_first_not_of(", "), examples.size()));
  }
  return out;
}

}  // namespace ktstr
