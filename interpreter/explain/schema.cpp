#include "interpreter/explain/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "interpreter/explain/explain.h"
#include "interpreter/load/explain_text.h"
#include "interpreter/report/json_value.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

// Larger bounds are not exact as JSON numbers, and say only how wide the C++ type is.
constexpr double kMaxBound = 9007199254740992.0;

Json BoundJson(double value) {
  if (value == std::floor(value) && std::abs(value) <= kMaxBound) return static_cast<std::int64_t>(value);
  return value;
}

class SchemaWriter {
 public:
  explicit SchemaWriter(const StructDecl& root) {
    for (const StructDecl* decl : ReachableStructs(root)) Name(*decl);
  }

  Json Root(const StructDecl& root);

 private:
  Json Type(const TypeDecl& type, const Limits& limits);
  Json Map(const TypeDecl& type, const Limits& limits);
  Json Choice(const ChoiceDecl& choice);
  Json Struct(const StructDecl& decl);
  Json Field(const FieldDecl& field, const StructDecl& owner, const void* defaults);
  Json Alternative(const StructDecl& owner, const FieldDecl& variant, const StructDecl& alternative);
  Json Reference(const StructDecl& decl);
  void Name(const StructDecl& decl);

  std::map<const StructDecl*, std::string> names_;
  std::map<std::string, int> uses_;
  Json definitions_ = Json::object();
};

void SchemaWriter::Name(const StructDecl& decl) {
  const int use = ++uses_[std::string(decl.name)];
  names_[&decl] = use == 1 ? std::string(decl.name) : fmt::format("{}_{}", decl.name, use);
}

Json SchemaWriter::Reference(const StructDecl& decl) {
  const std::string& name = names_.at(&decl);
  if (!definitions_.contains(name)) {
    definitions_[name] = Json();  // holds the place, for declarations that contain themselves
    Json schema = Struct(decl);
    definitions_[name] = std::move(schema);
  }
  return {{"$ref", "#/definitions/" + name}};
}

void AddBounds(const TypeDecl& type, const Limits& limits, Json& out) {
  bool has_min = limits.has_min;
  bool has_max = limits.has_max;
  double min = limits.min;
  double max = limits.max;
  if (type.integer != nullptr && !has_min) {
    min = static_cast<double>(type.integer->min);
    has_min = min >= -kMaxBound;
  }
  if (type.integer != nullptr && !has_max) {
    max = static_cast<double>(type.integer->max);
    has_max = max <= kMaxBound;
  }
  if (has_min) out[limits.exclusive_min ? "exclusiveMinimum" : "minimum"] = BoundJson(min);
  if (has_max) out["maximum"] = BoundJson(max);
}

void AddPattern(std::string_view pattern, std::string_view doc, Json& out) {
  if (pattern.empty()) return;
  out["pattern"] = pattern;
  if (!doc.empty()) out["patternErrorMessage"] = doc;
}

Json SchemaWriter::Map(const TypeDecl& type, const Limits& limits) {
  Limits of_elements = limits;
  of_elements.pattern = {};
  Json element = Type(type.container->element(), of_elements);
  Json out = {{"type", "object"}};
  if (limits.pattern.empty()) {
    out["additionalProperties"] = std::move(element);
  } else {
    out["patternProperties"][std::string(limits.pattern)] = std::move(element);
    out["additionalProperties"] = false;
  }
  return out;
}

Json EnumSchema(std::span<const std::string_view> names, std::span<const std::string_view> docs) {
  Json out = {{"type", "string"}, {"enum", names}};
  const bool any = std::any_of(docs.begin(), docs.end(), [](std::string_view doc) { return !doc.empty(); });
  if (any) out["enumDescriptions"] = docs;
  return out;
}

/// Exactly one of `names`. The counts would do for a validator, but they mark the whole object; the if/thens
/// mark the keys that stand beside another.
void AddOneOnly(std::span<const std::string_view> names, const std::string& message, Json& out) {
  out["minProperties"] = 1;
  out["maxProperties"] = 1;
  out["allOf"] = Json::array();
  for (const std::string_view name : names) {
    Json alone = {{"properties", {{std::string(name), true}}},
                  {"additionalProperties", false},
                  {"errorMessage", message}};
    out["allOf"].push_back({{"if", {{"required", {name}}}}, {"then", std::move(alone)}});
  }
}

Json SchemaWriter::Choice(const ChoiceDecl& choice) {
  const std::string name = "any " + std::string(choice.name);
  if (!definitions_.contains(name)) {
    definitions_[name] = Json();
    Json properties = Json::object();
    for (const StructDecl* alternative : choice.alternatives())
      properties[std::string(alternative->name)] = Reference(*alternative);
    Json schema = {
        {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    schema["errorMessage"] =
        fmt::format("One {} is wanted here, written `Name: {{...}}` with a name that exists", choice.name);
    AddOneOnly(AlternativeNames(choice),
               fmt::format("An item is exactly one {}; begin another with '- '", choice.name), schema);
    definitions_[name] = std::move(schema);
  }
  return {{"$ref", "#/definitions/" + name}};
}

Json SchemaWriter::Type(const TypeDecl& type, const Limits& limits) {
  Json out = Json::object();
  switch (type.kind) {
    case Kind::kBool:
      if (limits.on_off) return {{"type", {"boolean", "string"}}, {"enum", {true, false, "on", "off"}}};
      return {{"type", "boolean"}};
    case Kind::kInt:
    case Kind::kUint:
      out["type"] = "integer";
      AddBounds(type, limits, out);
      return out;
    case Kind::kDouble:
      out["type"] = "number";
      AddBounds(type, limits, out);
      return out;
    case Kind::kString:
      out["type"] = "string";
      AddPattern(limits.pattern, limits.pattern_doc, out);
      return out;
    case Kind::kScalar:
      out["type"] = type.scalar->number_too ? Json({"string", "number"}) : Json("string");
      AddPattern(type.scalar->pattern, fmt::format("{} E.g. {}", type.scalar->doc, type.scalar->examples),
                 out);
      return out;
    case Kind::kEnum: {
      std::vector<std::string_view> docs;
      for (const EnumValue& value : type.enumeration->values) docs.push_back(value.doc);
      return EnumSchema(EnumNames(*type.enumeration), docs);
    }
    case Kind::kOptional:
      return Type(type.container->element(), limits);
    case Kind::kList:
      out["type"] = "array";
      out["items"] = Type(type.container->element(), limits);
      if (limits.min_items > 0) out["minItems"] = limits.min_items;
      return out;
    case Kind::kMap:
      return Map(type, limits);
    case Kind::kStruct:
      return Reference(type.structure());
    case Kind::kOneKey:
      return Choice(*type.choice);
    case Kind::kVariant: {
      std::vector<std::string_view> docs;
      for (const StructDecl* alternative : type.choice->alternatives()) docs.push_back(alternative->doc);
      return EnumSchema(AlternativeNames(*type.choice), docs);
    }
  }
  return out;
}

Json SchemaWriter::Field(const FieldDecl& field, const StructDecl& owner, const void* defaults) {
  Json out = Type(field.type(), field.limits);
  out["description"] = field.doc;
  out["markdownDescription"] = FieldMarkdown(field, owner);
  if (field.required) return out;
  if (Json value = DefaultJson(field, defaults); !value.is_null()) out["default"] = std::move(value);
  return out;
}

Json RequiredNames(const StructDecl& decl) {
  Json names = Json::array();
  for (const FieldDecl& field : decl.fields)
    if (field.required && !field.name.empty()) names.push_back(field.name);
  return names;
}

/// When an object is this alternative: by the value of the variant's key, or by the alternative's own key
/// unless one that stands before it is given too.
Json Condition(const FieldDecl& variant, const StructDecl& alternative) {
  Json chosen = Json::object();
  if (!variant.name.empty()) {
    const std::string key(variant.name);
    chosen["properties"][key]["const"] = alternative.name;
    if (variant.required) chosen["required"] = Json::array({key});
    return chosen;
  }
  chosen["required"] = Json::array({alternative.name});
  for (const StructDecl* before : variant.type().choice->alternatives()) {
    if (before == &alternative) break;
    chosen["allOf"].push_back({{"not", {{"required", Json::array({before->name})}}}});
  }
  return chosen;
}

/// One of the keys that choose an alternative must be there: not all of them may be missing. (An anyOf would
/// make editors complain of the alternative that they deem nearest.)
void AddChoiceByKey(const FieldDecl& variant, Json& out) {
  const std::vector<std::string_view> names = AlternativeNames(*variant.type().choice);
  for (const std::string_view name : names)
    out["not"]["allOf"].push_back({{"not", {{"required", Json::array({name})}}}});
  out["errorMessage"] = fmt::format("{}: one of {}", variant.doc, JoinNames(names, "and"));
}

/// The if/then that adds one alternative's fields and forbids all others. Keys of the owner are allowed by
/// `true`: they are described, and checked, by the owner's own properties.
Json SchemaWriter::Alternative(const StructDecl& owner, const FieldDecl& variant,
                               const StructDecl& alternative) {
  Json properties = Json::object();
  for (const std::string_view name : FieldNames(owner)) properties[std::string(name)] = true;
  const std::shared_ptr<void> defaults = alternative.make();
  for (const FieldDecl& field : alternative.fields)
    properties[std::string(field.name)] = Field(field, alternative, defaults.get());
  Json then = {{"properties", std::move(properties)}};
  if (owner.allow_extension_keys) then["patternProperties"]["^x-"] = true;
  then["additionalProperties"] = false;
  if (Json required = RequiredNames(alternative); !required.empty()) then["required"] = std::move(required);
  return {{"if", Condition(variant, alternative)}, {"then", std::move(then)}};
}

/// The short form's pattern with its names; once more as snippets, which editors offer with their texts and
/// which are no rule (an enum would forbid what follows the pattern).
void AddShorthand(const ShorthandDecl& shorthand, Json& out) {
  out["type"] = {"object", "string"};
  if (shorthand.number_too) out["type"].push_back("number");
  std::string pattern(shorthand.pattern);
  std::vector<std::string_view> names;
  for (const NamedForm& form : shorthand.names) {
    names.push_back(form.name);
    out["defaultSnippets"].push_back({{"label", form.name}, {"description", form.doc}, {"body", form.name}});
  }
  if (!names.empty()) pattern += fmt::format("|^({})$", fmt::join(names, "|"));
  AddPattern(pattern, fmt::format("{} E.g. {}", shorthand.doc, shorthand.examples), out);
}

Json SchemaWriter::Struct(const StructDecl& decl) {
  Json out = Json::object();
  out["description"] = decl.doc;
  out["markdownDescription"] = StructMarkdown(decl);
  out["type"] = "object";
  if (decl.shorthand != nullptr) AddShorthand(*decl.shorthand, out);
  const std::shared_ptr<void> defaults = decl.make();
  Json properties = Json::object();
  for (const FieldDecl& field : decl.fields)
    if (!field.name.empty()) properties[std::string(field.name)] = Field(field, decl, defaults.get());
  out["properties"] = std::move(properties);
  if (decl.allow_extension_keys)
    out["patternProperties"]["^x-"] = {{"description", "Ignored: a place for anchors and templates."}};
  const FieldDecl* const variant = VariantField(decl);
  if (variant == nullptr) out["additionalProperties"] = false;
  if (Json required = RequiredNames(decl); !required.empty()) out["required"] = std::move(required);
  if (decl.exactly_one)
    AddOneOnly(FieldNames(decl),
               fmt::format("Exactly one of the keys {} is given", JoinNames(FieldNames(decl), "and")), out);
  if (variant == nullptr) return out;
  if (variant->name.empty()) AddChoiceByKey(*variant, out);
  out["allOf"] = Json::array();
  for (const StructDecl* alternative : variant->type().choice->alternatives())
    out["allOf"].push_back(Alternative(decl, *variant, *alternative));
  return out;
}

Json SchemaWriter::Root(const StructDecl& root) {
  Json out = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", root.name}};
  const Json schema = Struct(root);
  for (const auto& [key, value] : schema.items()) out[key] = value;
  if (!definitions_.empty()) out["definitions"] = std::move(definitions_);
  return out;
}

}  // namespace

Json SchemaOf(const StructDecl& root) { return SchemaWriter(root).Root(root); }

std::string SchemaText(const StructDecl& root) { return SchemaOf(root).dump(2) + "\n"; }

}  // namespace ktstr
