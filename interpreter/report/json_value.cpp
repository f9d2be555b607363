#include "interpreter/report/json_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/units.h"
#include "interpreter/load/document.h"
#include "interpreter/load/explain_text.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

Json IntegerJson(const TypeDecl& type, const void* value) {
  const std::int64_t bits = type.integer->load(value);
  return type.kind == Kind::kUint ? Json(static_cast<std::uint64_t>(bits)) : Json(bits);
}

std::string EnumName(const EnumDecl& decl, const void* value) {
  const std::int64_t number = decl.load(value);
  for (const EnumValue& candidate : decl.values)
    if (candidate.value == number) return std::string(candidate.name);
  return std::to_string(number);
}

void AddFields(const StructDecl& decl, const void* object, const JsonStyle& style, Json& out);

Json ValueJson(const TypeDecl& type, const void* value, const JsonStyle& style);

Json ListJson(const TypeDecl& type, const void* value, const JsonStyle& style) {
  const ContainerDecl& list = *type.container;
  const std::size_t count = list.size(value);
  Json out = Json::array();
  for (std::size_t i = 0; i < count; ++i) out.push_back(ValueJson(list.element(), list.at(value, i), style));
  if (list.resize == nullptr || count <= style.max_numbers) return out;
  const auto [min, max] = std::minmax_element(out.begin(), out.end());
  return {{"count", count}, {"min", *min}, {"max", *max}};
}

/// A null stands for "nothing to write".
Json ValueJson(const TypeDecl& type, const void* value, const JsonStyle& style) {
  switch (type.kind) {
    case Kind::kBool:
      return *static_cast<const bool*>(value);
    case Kind::kInt:
    case Kind::kUint:
      return IntegerJson(type, value);
    case Kind::kDouble:
      return *static_cast<const double*>(value);
    case Kind::kString:
      return *static_cast<const std::string*>(value);
    case Kind::kScalar:
      return type.scalar->print(value);
    case Kind::kEnum:
      return EnumName(*type.enumeration, value);
    case Kind::kOptional:
      if (type.container->size(value) == 0) return nullptr;
      return ValueJson(type.container->element(), type.container->at(value, 0), style);
    case Kind::kList:
      return ListJson(type, value, style);
    case Kind::kMap: {
      Json out = Json::object();
      for (std::size_t i = 0; i < type.container->size(value); ++i)
        out[std::string(type.container->key_at(value, i))] =
            ValueJson(type.container->element(), type.container->at(value, i), style);
      return out;
    }
    case Kind::kStruct: {
      Json out = Json::object();
      AddFields(type.structure(), value, style, out);
      return out;
    }
    case Kind::kOneKey: {
      const auto& any = *static_cast<const AnyStruct*>(value);
      if (any.decl() == nullptr) return nullptr;
      Json fields = Json::object();
      AddFields(*any.decl(), any.data(), style, fields);
      Json out = Json::object();
      out[std::string(any.decl()->name)] = std::move(fields);
      return out;
    }
    case Kind::kVariant: {
      const auto& any = *static_cast<const AnyStruct*>(value);
      return any.decl() == nullptr ? Json(nullptr) : Json(any.decl()->name);
    }
  }
  return nullptr;
}

bool IsEmptyChoice(const TypeDecl& type, const void* value) {
  const TypeDecl& inner = WithoutOptional(type);
  if (type.kind == Kind::kOptional) return type.container->size(value) == 0;
  const bool choice = inner.kind == Kind::kOneKey || inner.kind == Kind::kVariant;
  return choice && static_cast<const AnyStruct*>(value)->decl() == nullptr;
}

void AddFields(const StructDecl& decl, const void* object, const JsonStyle& style, Json& out) {
  for (const FieldDecl& field : decl.fields) {
    const void* const member = field.Member(object);
    if (IsEmptyChoice(field.type(), member)) continue;
    if (!field.name.empty()) out[std::string(field.name)] = ValueJson(field.type(), member, style);
    if (field.type().kind != Kind::kVariant) continue;
    const auto& any = *static_cast<const AnyStruct*>(member);
    AddFields(*any.decl(), any.data(), style, out);
  }
}

// ---- YAML ----------------------------------------------------------------------------------------------

bool IsPlainSafe(std::string_view text) {
  const auto safe = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '%' || c == '/' || c == '-' || c == '+';
  };
  const auto first_safe = [](char c) { return c != '-' && c != '.' && c != '%' && c != '+'; };
  return !text.empty() && first_safe(text.front()) && std::all_of(text.begin(), text.end(), safe);
}

/// Writes block style. Each function writes a value after "key:" or "-", and ends the line.
class YamlWriter {
 public:
  /// `defaults` is the object that a missing key would leave in place.
  void Fields(const StructDecl& decl, const void* object, const void* defaults, std::size_t indent);
  [[nodiscard]] std::string Take() { return std::move(out_); }

 private:
  void Value(const TypeDecl& type, const void* value, const void* defaults, std::size_t indent);
  void Struct(const StructDecl& decl, const void* object, const void* defaults, std::size_t indent);
  void List(const TypeDecl& type, const void* value, std::size_t indent);
  void Map(const TypeDecl& type, const void* value, std::size_t indent);

  /// What `write` puts out, as an indented block below the current line, or `if_empty` on it.
  template <typename Write>
  void Block(std::string_view if_empty, Write write);

  std::string out_;
};

bool SameValue(const TypeDecl& type, const void* a, const void* b) {
  if (type.kind != Kind::kVariant) return ValueJson(type, a, {}) == ValueJson(type, b, {});
  return static_cast<const AnyStruct*>(a)->decl() == static_cast<const AnyStruct*>(b)->decl();
}

std::string InlineList(const TypeDecl& type, const void* value) {
  constexpr std::size_t kLongest = 80;
  const ContainerDecl& list = *type.container;
  std::string text;
  for (std::size_t i = 0; i < list.size(value) && text.size() <= kLongest; ++i) {
    const std::string item = InlineYaml(list.element(), list.at(value, i));
    if (item.empty()) return {};
    text += (i == 0 ? "" : ", ") + item;
  }
  return text.size() <= kLongest ? "[" + text + "]" : std::string();
}

/// Comments alone would read as null.
bool HasKeys(std::string_view yaml) {
  for (std::size_t at = yaml.find_first_not_of(" \n"); at < yaml.size();
       at = yaml.find_first_not_of(" \n", yaml.find('\n', at)))
    if (yaml[at] != '#') return true;
  return false;
}

/// The short form of a struct, if there is one that reads back to exactly this object.
std::string ShortForm(const StructDecl& decl, const void* object, const void* defaults) {
  if (decl.shorthand == nullptr) return {};
  std::string text = decl.shorthand->print(object);
  if (text.empty()) return {};
  const std::shared_ptr<void> again = decl.make();
  decl.copy(defaults, again.get());
  if (!decl.shorthand->parse(text, again.get()).empty()) return {};
  if (ToJson(decl, again.get()) != ToJson(decl, object)) return {};
  return YamlString(text);
}

template <typename Write>
void YamlWriter::Block(std::string_view if_empty, Write write) {
  const std::size_t before = out_.size();
  out_ += '\n';
  const std::size_t start = out_.size();
  write();
  if (out_.size() != start) return;
  out_.resize(before);
  out_ += ' ';
  out_ += if_empty;
  out_ += '\n';
}

void YamlWriter::Fields(const StructDecl& decl, const void* object, const void* defaults,
                        std::size_t indent) {
  const std::string margin(indent, ' ');
  for (const FieldDecl& field : decl.fields) {
    const TypeDecl& type = field.type();
    const void* const member = field.Member(object);
    const void* const standard = field.Member(defaults);
    if (IsEmptyChoice(type, member)) continue;
    if (field.name.empty()) {
      // The keys of the alternative say which one it is.
    } else if (!field.required && SameValue(type, member, standard)) {
      std::string text = InlineYaml(type, member);
      if (type.kind == Kind::kStruct) text = ShortForm(type.structure(), member, standard);
      if (!text.empty() && text != "[]" && text != "\"\"")
        out_ += fmt::format("{}# {}: {}\n", margin, field.name, text);
    } else {
      out_ += fmt::format("{}{}:", margin, field.name);
      Value(type, member, standard, indent + 2);
    }
    if (type.kind != Kind::kVariant) continue;
    const auto& any = *static_cast<const AnyStruct*>(member);
    const auto& any_default = *static_cast<const AnyStruct*>(standard);
    // A written name starts from the alternative's own defaults, a name left out from the parent's.
    const bool left_out = !field.required && any.decl() == any_default.decl();
    const std::shared_ptr<void> fresh = any.decl()->make();
    Fields(*any.decl(), any.data(), left_out ? any_default.data() : fresh.get(), indent);
  }
}

void YamlWriter::Struct(const StructDecl& decl, const void* object, const void* defaults,
                        std::size_t indent) {
  if (const std::string text = ShortForm(decl, object, defaults); !text.empty())
    out_ += ' ' + text + '\n';
  else
    Block("{}", [&] {
      const std::size_t start = out_.size();
      Fields(decl, object, defaults, indent);
      if (!HasKeys(std::string_view(out_).substr(start))) out_.resize(start);
    });
}

void YamlWriter::List(const TypeDecl& type, const void* value, std::size_t indent) {
  const ContainerDecl& list = *type.container;
  const TypeDecl& element = list.element();
  if (const std::string text = InlineList(type, value); !text.empty()) {
    out_ += ' ' + text + '\n';
    return;
  }
  Block("[]", [&] {
    for (std::size_t i = 0; i < list.size(value); ++i) {
      // "- " takes the place of the indentation of the element's first line.
      YamlWriter item;
      const TypeDecl& inner = WithoutOptional(element);
      const std::shared_ptr<void> fresh = inner.kind == Kind::kStruct ? inner.structure().make() : nullptr;
      item.Value(element, list.at(value, i), fresh.get(), indent + 2);
      std::string text = item.Take();
      const std::size_t first = text.find_first_not_of(" \n");
      out_ += std::string(indent, ' ') + "- " + text.substr(first);
    }
  });
}

void YamlWriter::Map(const TypeDecl& type, const void* value, std::size_t indent) {
  const ContainerDecl& map = *type.container;
  const TypeDecl& inner = WithoutOptional(map.element());
  Block("{}", [&] {
    for (std::size_t i = 0; i < map.size(value); ++i) {
      const std::shared_ptr<void> fresh = inner.kind == Kind::kStruct ? inner.structure().make() : nullptr;
      out_ += std::string(indent, ' ') + YamlString(map.key_at(value, i)) + ":";
      Value(map.element(), map.at(value, i), fresh.get(), indent + 2);
    }
  });
}

void YamlWriter::Value(const TypeDecl& type, const void* value, const void* defaults, std::size_t indent) {
  switch (type.kind) {
    case Kind::kOptional: {
      // An optional starts from a fresh element, whatever the default holds.
      const TypeDecl& element = type.container->element();
      const std::shared_ptr<void> fresh =
          element.kind == Kind::kStruct ? element.structure().make() : nullptr;
      return Value(element, type.container->at(value, 0), fresh.get(), indent);
    }
    case Kind::kList:
      return List(type, value, indent);
    case Kind::kMap:
      return Map(type, value, indent);
    case Kind::kStruct:
      return Struct(type.structure(), value, defaults, indent);
    case Kind::kOneKey: {
      const auto& any = *static_cast<const AnyStruct*>(value);
      const std::shared_ptr<void> fresh = any.decl()->make();
      out_ += fmt::format("\n{}{}:", std::string(indent, ' '), any.decl()->name);
      return Struct(*any.decl(), any.data(), fresh.get(), indent + 2);
    }
    default:
      out_ += ' ' + InlineYaml(type, value) + '\n';
  }
}

}  // namespace

std::string InlineYaml(const TypeDecl& type, const void* value) {
  switch (type.kind) {
    case Kind::kBool:
      return *static_cast<const bool*>(value) ? "true" : "false";
    case Kind::kInt:
    case Kind::kUint:
      return IntegerJson(type, value).dump();
    case Kind::kDouble:
      return FormatDouble(*static_cast<const double*>(value));
    case Kind::kString:
      return YamlString(*static_cast<const std::string*>(value));
    case Kind::kScalar: {
      std::string text = type.scalar->print(value);
      const NodeKind kind = ResolvePlainScalar(text);
      const bool number = kind == NodeKind::kInt || kind == NodeKind::kFloat;
      return number && type.scalar->number_too ? text : YamlString(text);
    }
    case Kind::kEnum:
      return YamlString(EnumName(*type.enumeration, value));
    case Kind::kOptional:
      return type.container->size(value) == 0
                 ? std::string()
                 : InlineYaml(type.container->element(), type.container->at(value, 0));
    case Kind::kVariant: {
      const auto& any = *static_cast<const AnyStruct*>(value);
      return any.decl() == nullptr ? std::string() : YamlString(any.decl()->name);
    }
    case Kind::kList:
      return InlineList(type, value);
    case Kind::kStruct:
    case Kind::kMap:
    case Kind::kOneKey:
      break;
  }
  return {};
}

nlohmann::ordered_json ToJson(const StructDecl& decl, const void* object, const JsonStyle& style) {
  Json out = Json::object();
  AddFields(decl, object, style, out);
  return out;
}

nlohmann::ordered_json DefaultJson(const FieldDecl& field, const void* defaults) {
  const TypeDecl& type = WithoutOptional(field.type());
  const void* member = field.Member(defaults);
  if (field.type().kind == Kind::kOptional) {
    if (field.type().container->size(member) == 0) return nullptr;
    member = field.type().container->at(member, 0);
  }
  if (type.kind == Kind::kStruct) {
    const ShorthandDecl* const shorthand = type.structure().shorthand;
    const std::string text = shorthand != nullptr ? shorthand->print(member) : std::string();
    return text.empty() ? Json(nullptr) : Json(text);
  }
  Json value = ValueJson(type, member, {});
  if ((value.is_string() && value == "") || (value.is_structured() && value.empty())) return nullptr;
  return value;
}

std::string ToYaml(const StructDecl& decl, const void* object) {
  YamlWriter writer;
  const std::shared_ptr<void> defaults = decl.make();
  writer.Fields(decl, object, defaults.get(), 0);
  std::string text = writer.Take();
  return HasKeys(text) ? text : "{}\n";
}

std::string YamlString(std::string_view text) {
  if (IsPlainSafe(text) && ResolvePlainScalar(text) == NodeKind::kString) return std::string(text);
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::string_view rest = text.substr(i);
    if (c == '"' || c == '\\') {
      quoted += fmt::format("\\{}", text[i]);
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (c < 0x20 || c == 0x7F) {
      quoted += fmt::format("\\x{:02X}", c);
    } else if (c == 0xC2 && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xA0) {
      quoted += fmt::format("\\x{:02X}", static_cast<unsigned char>(text[++i]));  // the C1 controls
    } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
      quoted += rest[2] == '\xA8' ? "\\L" : "\\P";  // line and paragraph separator
      i += 2;
    } else if (rest.starts_with("\xEF\xBB\xBF")) {
      quoted += "\\uFEFF";
      i += 2;
    } else {
      quoted += text[i];
    }
  }
  return quoted + '"';
}

}  // namespace ktstr
