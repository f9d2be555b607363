// The JSON form of rendered values.
#include "vmm/introspection/types/rendered_value.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

namespace ktstr::vmm {
namespace {

using Json = nlohmann::json;
using Kind = RenderedValue::Kind;

constexpr int kMaxJsonNesting = 200;

/// By Kind.
constexpr std::array<std::string_view, 13> kKindNames = {
    "int",   "uint",     "bool", "char",  "float",     "enum",        "struct",
    "array", "cpu_list", "ptr",  "bytes", "truncated", "unsupported",
};
static_assert(kKindNames.size() == static_cast<std::size_t>(Kind::kUnsupported) + 1);

std::string_view NameOf(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

Json FloatJson(double real) {
  if (std::isnan(real)) return "nan";
  if (std::isinf(real)) return real > 0 ? "inf" : "-inf";
  return real;
}

Json ArrayOfValues(const std::vector<RenderedMember>& members) {
  Json all = Json::array();
  for (const RenderedMember& member : members) all.push_back(ToJson(member.value));
  return all;
}

Json ArrayOfMembers(const std::vector<RenderedMember>& members) {
  Json all = Json::array();
  for (const RenderedMember& member : members)
    all.push_back(Json{{"name", member.name}, {"value", ToJson(member.value)}});
  return all;
}

Result<RenderedValue> Read(const Json& json, int nesting);

/// The members of one JSON object that is to be a value of one kind.
class Fields {
 public:
  Fields(const Json& object, std::string_view kind) : object_(object), kind_(kind) {}

  /// The member called `key`, which all values of this kind have.
  Result<const Json*> Get(const char* key) const {
    if (const Json* found = Optional(key)) return found;
    return InputError("a rendered " + kind_ + " has no '" + key + "'");
  }
  [[nodiscard]] const Json* Optional(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  Result<std::uint64_t> Unsigned(const char* key,
                                 std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) const {
    const Json* json = TRY(Get(key));
    if (!json->is_number_unsigned() || json->get<std::uint64_t>() > max)
      return Bad(key, max == std::numeric_limits<std::uint64_t>::max()
                          ? std::string("a number from 0 on")
                          : "a number from 0 to " + std::to_string(max));
    return json->get<std::uint64_t>();
  }
  Result<std::uint64_t> Signed(const char* key) const {
    const Json* json = TRY(Get(key));
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!json->is_number_integer() || (json->is_number_unsigned() && json->get<std::uint64_t>() > kMax))
      return Bad(key, "an integer of 64 bits");
    return static_cast<std::uint64_t>(json->get<std::int64_t>());
  }
  Result<std::uint32_t> Bits() const {
    return static_cast<std::uint32_t>(TRY(Unsigned("bits", std::numeric_limits<std::uint32_t>::max())));
  }
  Result<std::uint64_t> Bool(const char* key) const {
    const Json* json = TRY(Get(key));
    if (!json->is_boolean()) return Bad(key, "true or false");
    return std::uint64_t{json->get<bool>() ? 1U : 0U};
  }
  Result<double> Float(const char* key) const {
    const Json* json = TRY(Get(key));
    if (json->is_number()) return json->get<double>();
    if (*json == "nan") return std::numeric_limits<double>::quiet_NaN();
    if (*json == "inf") return std::numeric_limits<double>::infinity();
    if (*json == "-inf") return -std::numeric_limits<double>::infinity();
    return Bad(key, "a number");
  }
  Result<std::string> Text(const char* key) const {
    const Json* json = TRY(Get(key));
    if (!json->is_string()) return Bad(key, "a string");
    return json->get<std::string>();
  }
  Result<std::string> OptionalText(const char* key) const {
    return Optional(key) ? Text(key) : Result<std::string>(std::string());
  }
  /// The one value that a pointer or a truncated value may have.
  Result<std::vector<RenderedMember>> OptionalValue(const char* key, int nesting) const {
    std::vector<RenderedMember> members;
    if (const Json* json = Optional(key)) members.push_back({"", TRY(Read(*json, nesting + 1))});
    return members;
  }
  Result<std::vector<RenderedMember>> Values(const char* key, int nesting) const {
    const Json* json = TRY(Get(key));
    if (!json->is_array()) return Bad(key, "an array");
    std::vector<RenderedMember> members;
    members.reserve(json->size());
    for (const Json& value : *json) members.push_back({"", TRY(Read(value, nesting + 1))});
    return members;
  }
  Result<std::vector<RenderedMember>> Members(const char* key, int nesting) const {
    const Json* json = TRY(Get(key));
    if (!json->is_array()) return Bad(key, "an array");
    std::vector<RenderedMember> members;
    members.reserve(json->size());
    for (const Json& member : *json) {
      if (!member.is_object()) return InputError("a member of a rendered struct is not an object");
      const Fields fields(member, "member");
      std::string name = TRY(fields.Text("name"));
      const Json* value = TRY(fields.Get("value"));
      members.push_back({std::move(name), TRY(Read(*value, nesting + 1))});
    }
    return members;
  }

 private:
  Error Bad(const char* key, const std::string& expected) const {
    return InputError("'" + std::string(key) + "' of a rendered " + kind_ + " is not " + expected);
  }
  const Json& object_;
  std::string kind_;
};

Result<> ReadScalar(const Fields& fields, RenderedValue& value) {
  switch (value.kind) {
    case Kind::kInt:
    case Kind::kEnum:
      value.bits = TRY(fields.Bits());
      value.number = TRY(fields.Signed("value"));
      if (value.kind == Kind::kEnum) value.text = TRY(fields.OptionalText("variant"));
      return {};
    case Kind::kUint:
      value.bits = TRY(fields.Bits());
      value.number = TRY(fields.Unsigned("value"));
      return {};
    case Kind::kBool:
      value.number = TRY(fields.Bool("value"));
      return {};
    case Kind::kChar:
      value.number = TRY(fields.Unsigned("value", 255));
      return {};
    case Kind::kFloat:
      value.bits = TRY(fields.Bits());
      value.real = TRY(fields.Float("value"));
      return {};
    case Kind::kCpuList:
      value.text = TRY(fields.Text("cpus"));
      return {};
    case Kind::kBytes:
      value.text = TRY(fields.Text("hex"));
      return {};
    default:
      value.reason = TRY(fields.Text("reason"));
      return {};
  }
}

Result<RenderedValue> Read(const Json& json, int nesting) {
  if (nesting > kMaxJsonNesting)
    return InputError("a rendered value is nested more than " + std::to_string(kMaxJsonNesting) + " deep");
  if (!json.is_object()) return InputError("a rendered value is not an object");
  const std::string name = TRY(Fields(json, "value").Text("kind"));
  RenderedValue value;
  std::size_t kind = 0;
  while (kind < kKindNames.size() && kKindNames[kind] != name) ++kind;
  if (kind == kKindNames.size())
    return InputError("a rendered value has no kind '" + name.substr(0, 64) + "'");
  value.kind = static_cast<Kind>(kind);
  const Fields fields(json, name);
  switch (value.kind) {
    case Kind::kStruct:
      value.text = TRY(fields.OptionalText("type_name"));
      value.members = TRY(fields.Members("members", nesting));
      return value;
    case Kind::kArray:
      value.length = TRY(fields.Unsigned("len"));
      value.members = TRY(fields.Values("elements", nesting));
      return value;
    case Kind::kPtr:
      value.number = TRY(fields.Unsigned("value"));
      value.members = TRY(fields.OptionalValue("deref", nesting));
      value.reason = TRY(fields.OptionalText("deref_skipped_reason"));
      return value;
    case Kind::kTruncated:
      value.needed = TRY(fields.Unsigned("needed"));
      value.had = TRY(fields.Unsigned("had"));
      value.members = TRY(fields.OptionalValue("partial", nesting));
      return value;
    default:
      TRY(ReadScalar(fields, value));
      return value;
  }
}

}  // namespace

bool RenderedValue::operator==(const RenderedValue& other) const {
  const bool same_real = real == other.real || (std::isnan(real) && std::isnan(other.real));
  return same_real && kind == other.kind && bits == other.bits && number == other.number &&
         length == other.length && needed == other.needed && had == other.had && text == other.text &&
         reason == other.reason && members == other.members;
}

Json ToJson(const RenderedValue& value) {
  Json json{{"kind", NameOf(value.kind)}};
  switch (value.kind) {
    case Kind::kInt:
    case Kind::kEnum:
      json["bits"] = value.bits;
      json["value"] = static_cast<std::int64_t>(value.number);
      if (value.kind == Kind::kEnum && !value.text.empty()) json["variant"] = value.text;
      break;
    case Kind::kUint:
      json["bits"] = value.bits;
      json["value"] = value.number;
      break;
    case Kind::kBool:
      json["value"] = value.number != 0;
      break;
    case Kind::kChar:
      json["value"] = value.number;
      break;
    case Kind::kFloat:
      json["bits"] = value.bits;
      json["value"] = FloatJson(value.real);
      break;
    case Kind::kStruct:
      if (!value.text.empty()) json["type_name"] = value.text;
      json["members"] = ArrayOfMembers(value.members);
      break;
    case Kind::kArray:
      json["len"] = value.length;
      json["elements"] = ArrayOfValues(value.members);
      break;
    case Kind::kCpuList:
      json["cpus"] = value.text;
      break;
    case Kind::kPtr:
      json["value"] = value.number;
      if (!value.members.empty()) json["deref"] = ToJson(value.members.front().value);
      if (!value.reason.empty()) json["deref_skipped_reason"] = value.reason;
      break;
    case Kind::kBytes:
      json["hex"] = value.text;
      break;
    case Kind::kTruncated:
      json["needed"] = value.needed;
      json["had"] = value.had;
      if (!value.members.empty()) json["partial"] = ToJson(value.members.front().value);
      break;
    case Kind::kUnsupported:
      json["reason"] = value.reason;
      break;
  }
  return json;
}

Result<RenderedValue> RenderedFromJson(const Json& json) { return Read(json, 0); }

}  // namespace ktstr::vmm
