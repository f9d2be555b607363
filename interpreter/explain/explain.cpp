#include "interpreter/explain/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/units.h"
#include "interpreter/explain/schema.h"
#include "interpreter/load/decode.h"
#include "interpreter/load/explain_text.h"
#include "interpreter/report/json_value.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPageWidth = 100;

std::string_view RefersText(Refers refers) {
  switch (refers) {
    case Refers::kNothing:
      return {};
    case Refers::kCgroup:
      return "cgroup";
    case Refers::kPayload:
      return "payload";
    case Refers::kScheduler:
      return "scheduler";
    case Refers::kPhase:
      return "phase";
    case Refers::kMetric:
      return "metric";
    case Refers::kTag:
      return "tag";
    case Refers::kGroup:
      return "work group";
    case Refers::kFile:
      return "file";
  }
  return {};
}

std::string_view RoleText(NameRole role) {
  switch (role) {
    case NameRole::kUses:
      return "names a";
    case NameRole::kMakes:
      return "makes a";
    case NameRole::kStarts:
      return "starts a";
    case NameRole::kEnds:
      return "ends a";
    case NameRole::kEmpties:
      return "empties a";
    case NameRole::kFreezes:
      return "freezes a";
    case NameRole::kThaws:
      return "thaws a";
  }
  return {};
}

/// `text` broken between words, each line behind `margin` spaces and ended.
std::string Wrapped(std::string_view text, std::size_t margin) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = text.size();
    if (length + margin > kPageWidth) {
      length = text.rfind(' ', kPageWidth - margin);
      if (length == std::string_view::npos) length = std::min(text.find(' '), text.size());
    }
    out += fmt::format("{}{}\n", std::string(margin, ' '), text.substr(0, length));
    text.remove_prefix(std::min(text.size(), length + 1));
  }
  return out;
}

/// The key of a field; of a variant that is chosen by key, all of its keys.
std::string KeyText(const FieldDecl& field) {
  if (!field.name.empty()) return std::string(field.name);
  return fmt::format("{}", fmt::join(AlternativeNames(*field.type().choice), " | "));
}

/// The type of a field; of a variant that is chosen by key, what its key brings along.
std::string FieldTypeText(const FieldDecl& field) {
  if (!field.name.empty()) return TypeText(field.type());
  return fmt::format("one of these, with the keys of that {}", field.type().choice->name);
}

struct Fact {
  std::string_view label;
  std::string text;
};

/// What there is to say about a field beside its type and doc.
std::vector<Fact> FactsOf(const FieldDecl& field, const void* defaults) {
  std::vector<Fact> facts;
  const TypeDecl& type = field.type();
  const TypeDecl& element = ElementType(type);
  if (field.required) {
    facts.push_back({"required", ""});
  } else if (const Json value = DefaultJson(field, defaults); !value.is_null()) {
    std::string text = value.dump();
    if (value.is_string()) text = YamlString(value.get<std::string>());
    if (value.is_number_float()) text = FormatDouble(value.get<double>());
    facts.push_back({"default", std::move(text)});
  }
  if (std::string bounds = BoundsText(type, field.limits); !bounds.empty())
    facts.push_back({"range", std::move(bounds)});
  else if (!field.limits.unit.empty())
    facts.push_back({"unit", std::string(field.limits.unit)});
  if (field.limits.min_items > 0)
    facts.push_back({"items", fmt::format("at least {}", field.limits.min_items)});
  if (field.limits.on_off) facts.push_back({"form", "on or off, too"});
  if (!field.limits.pattern_doc.empty()) facts.push_back({"form", std::string(field.limits.pattern_doc)});
  if (field.refers != Refers::kNothing)
    facts.push_back({RoleText(field.role), std::string(RefersText(field.refers))});
  if (element.kind == Kind::kScalar) facts.push_back({"e.g.", std::string(element.scalar->examples)});
  if (element.kind == Kind::kStruct && element.structure().shorthand != nullptr)
    facts.push_back({"short form", std::string(element.structure().shorthand->examples)});
  return facts;
}

std::string FactsText(const std::vector<Fact>& facts) {
  std::string text;
  for (const Fact& fact : facts)
    text += fmt::format("{}{}{}{}", text.empty() ? "" : "; ", fact.label, fact.text.empty() ? "" : " ",
                        fact.text);
  return text;
}

std::string ExampleOfType(const TypeDecl& type, const FieldDecl& field) {
  switch (type.kind) {
    case Kind::kBool:
      return "true";
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      if (field.limits.exclusive_min) return Json(static_cast<std::int64_t>(field.limits.min) + 1).dump();
      return field.limits.has_min ? Json(static_cast<std::int64_t>(field.limits.min)).dump() : "0";
    case Kind::kString:
      switch (field.refers) {
        case Refers::kCgroup:
          return "hot";
        case Refers::kPhase:
          return "warm";
        case Refers::kMetric:
          return "iteration_rate";
        default:
          return YamlString(field.name);
      }
    case Kind::kScalar: {
      const std::string first = SplitExamples(type.scalar->examples).front();
      return type.scalar->number_too && ResolvePlainScalar(first) == NodeKind::kInt ? first
                                                                                    : YamlString(first);
    }
    case Kind::kEnum:
      return YamlString(type.enumeration->values.front().name);
    case Kind::kOptional:
      return ExampleOfType(type.container->element(), field);
    case Kind::kList: {
      std::string items = ExampleOfType(type.container->element(), field);
      for (std::size_t i = 1; i < field.limits.min_items; ++i)
        items += ", " + ExampleOfType(type.container->element(), field);
      return "[" + items + "]";
    }
    case Kind::kMap:
      return "{name: " + ExampleOfType(type.container->element(), field) + "}";
    case Kind::kStruct:
      return ExampleOf(type.structure());
    case Kind::kOneKey: {
      const StructDecl& first = *type.choice->alternatives().front();
      return fmt::format("{{{}: {}}}", first.name, ExampleOf(first));
    }
    case Kind::kVariant:
      return YamlString(type.choice->alternatives().front()->name);
  }
  return {};
}

/// The names of a short form with what they are, a line each.
std::string NamesText(const ShorthandDecl& shorthand) {
  std::size_t widest = 0;
  for (const NamedForm& form : shorthand.names) widest = std::max(widest, form.name.size());
  std::string text = shorthand.names.empty() ? "" : "\n  Names:\n";
  for (const NamedForm& form : shorthand.names)
    text += fmt::format("    {:<{}}  {}\n", form.name, widest, form.doc);
  return text;
}

bool Decodes(const StructDecl& decl, const std::string& yaml) {
  Diagnostics diagnostics;
  const Document document = LoadDocument("example", yaml + "\n", diagnostics);
  const std::shared_ptr<void> object = decl.make();
  return Decode(*document.root(), decl, object.get(), {}, diagnostics);
}

}  // namespace

std::string ExampleOf(const StructDecl& decl) {
  if (decl.shorthand != nullptr) return YamlString(SplitExamples(decl.shorthand->examples).front());
  std::string text;
  const auto add = [&text](const FieldDecl& field) {
    if (field.name.empty()) return;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", field.name, ExampleOfType(field.type(), field));
  };
  if (decl.exactly_one) add(decl.fields.front());
  for (const FieldDecl& field : decl.fields) {
    if (!field.required) continue;
    add(field);
    if (field.type().kind != Kind::kVariant) continue;
    for (const FieldDecl& parameter : field.type().choice->alternatives().front()->fields)
      if (parameter.required) add(parameter);
  }
  return "{" + text + "}";
}

std::string ExplainStruct(const StructDecl& decl, std::string_view what) {
  std::string page = fmt::format("{} ({})\n", decl.name, what) + Wrapped(decl.doc, 2);
  if (decl.exactly_one) page += "  Exactly one of the keys is given.\n";
  if (decl.shorthand != nullptr)
    page += Wrapped(fmt::format("Short form: {} E.g. {}", decl.shorthand->doc, decl.shorthand->examples), 2);
  if (decl.shorthand != nullptr) page += NamesText(*decl.shorthand);
  // Rules may want more than the required keys: then there is no example rather than a wrong one.
  const std::string example = Decodes(decl, ExampleOf(decl)) ? ExampleOf(decl) : "{}";
  if (what == "Op")
    page += fmt::format("\n  Example:\n    - {}: {}\n", decl.name, example);
  else if (decl.shorthand == nullptr && example != "{}")
    page += fmt::format("\n  Example:\n    {}\n", example);
  const std::shared_ptr<void> defaults = decl.make();
  if (!decl.fields.empty()) page += "\n  Keys:\n";
  for (const FieldDecl& field : decl.fields) {
    std::string head = fmt::format("{}: {}", KeyText(field), FieldTypeText(field));
    if (const std::string facts = FactsText(FactsOf(field, defaults.get())); !facts.empty())
      head += " (" + facts + ")";
    page += Wrapped(head, 4) + Wrapped(field.doc, 8);
    const TypeDecl& element = ElementType(field.type());
    if (element.kind == Kind::kEnum)
      for (const EnumValue& value : element.enumeration->values)
        if (!value.doc.empty()) page += Wrapped(fmt::format("{}: {}", value.name, value.doc), 10);
  }
  return page;
}

std::string FieldMarkdown(const FieldDecl& field, const StructDecl& owner) {
  const std::shared_ptr<void> defaults = owner.make();
  std::string text = fmt::format("{}\n\n`{}`", field.doc, TypeText(field.type()));
  if (const std::string facts = FactsText(FactsOf(field, defaults.get())); !facts.empty())
    text += ", " + facts;
  return text;
}

std::string StructMarkdown(const StructDecl& decl) {
  std::string text = fmt::format("**{}**: {}", decl.name, decl.doc);
  if (decl.shorthand != nullptr)
    text += fmt::format("\n\nShort form: {} E.g. `{}`", decl.shorthand->doc, decl.shorthand->examples);
  if (!decl.fields.empty()) text += "\n";
  for (const FieldDecl& field : decl.fields)
    text += fmt::format("\n- `{}`{}: {}", KeyText(field), field.required ? " (required)" : "", field.doc);
  return text;
}

std::string ManualSection(const StructDecl& decl, int heading_level) {
  const auto cell = [](std::string text) {
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
      text.insert(at, "\\");
    return text;
  };
  std::string text = fmt::format("{} {}\n\n{}\n", std::string(static_cast<std::size_t>(heading_level), '#'),
                                 decl.name, decl.doc);
  if (decl.exactly_one) text += "\nExactly one of the keys is given.\n";
  if (decl.shorthand != nullptr)
    text += fmt::format("\nShort form: {} E.g. `{}`\n", decl.shorthand->doc, decl.shorthand->examples);
  if (decl.shorthand != nullptr && !decl.shorthand->names.empty()) {
    text += "\n| name | what it is |\n|---|---|\n";
    for (const NamedForm& form : decl.shorthand->names)
      text += fmt::format("| `{}` | {} |\n", form.name, cell(std::string(form.doc)));
  }
  if (decl.fields.empty()) return text + "\nNo keys.\n";
  text += "\n| key | type | | |\n|---|---|---|---|\n";
  const std::shared_ptr<void> defaults = decl.make();
  for (const FieldDecl& field : decl.fields)
    text += fmt::format("| `{}` | {} | {} | {} |\n", cell(KeyText(field)), cell(FieldTypeText(field)),
                        cell(FactsText(FactsOf(field, defaults.get()))), cell(std::string(field.doc)));
  return text;
}

Json DeclarationJson(const StructDecl& decl) {
  Json out = {{"name", decl.name}, {"doc", decl.doc}, {"fields", Json::array()}};
  if (decl.exactly_one) out["exactly_one"] = true;
  if (decl.shorthand != nullptr)
    out["short_form"] = {{"doc", decl.shorthand->doc}, {"examples", SplitExamples(decl.shorthand->examples)}};
  if (decl.shorthand != nullptr)
    for (const NamedForm& form : decl.shorthand->names)
      out["short_form"]["names"].push_back({{"name", form.name}, {"doc", form.doc}});
  const std::shared_ptr<void> defaults = decl.make();
  for (const FieldDecl& field : decl.fields) {
    Json entry = {{"name", KeyText(field)},
                  {"doc", field.doc},
                  {"type", FieldTypeText(field)},
                  {"required", field.required}};
    if (!field.required)
      if (Json value = DefaultJson(field, defaults.get()); !value.is_null())
        entry["default"] = std::move(value);
    const Limits& limits = field.limits;
    if (limits.has_min) entry[limits.exclusive_min ? "more_than" : "minimum"] = limits.min;
    if (limits.has_max) entry["maximum"] = limits.max;
    if (limits.min_items > 0) entry["min_items"] = limits.min_items;
    if (!limits.unit.empty()) entry["unit"] = limits.unit;
    if (!limits.pattern.empty()) entry["pattern"] = limits.pattern;
    if (field.refers != Refers::kNothing) entry["refers_to"] = RefersText(field.refers);
    const TypeDecl& element = ElementType(field.type());
    if (element.kind == Kind::kEnum) entry["values"] = EnumNames(*element.enumeration);
    if (element.choice != nullptr) entry["values"] = AlternativeNames(*element.choice);
    out["fields"].push_back(std::move(entry));
  }
  return out;
}

}  // namespace ktstr
