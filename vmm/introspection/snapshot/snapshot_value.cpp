#include "vmm/introspection/snapshot/snapshot_value.h"

#include <fmt/format.h>

#include <limits>

#include "vmm/introspection/types/nearest_name.h"

namespace ktstr::vmm {
namespace {

using Kind = RenderedValue::Kind;
using Fault = SnapshotError::Kind;

const char* WordFor(Kind kind) {
  switch (kind) {
    case Kind::kInt:
      return "an int";
    case Kind::kUint:
      return "a uint";
    case Kind::kBool:
      return "a bool";
    case Kind::kChar:
      return "a char";
    case Kind::kFloat:
      return "a float";
    case Kind::kEnum:
      return "an enum";
    case Kind::kStruct:
      return "a struct";
    case Kind::kArray:
      return "an array";
    case Kind::kCpuList:
      return "a CPU list";
    case Kind::kPtr:
      return "a pointer";
    case Kind::kBytes:
      return "plain bytes";
    case Kind::kTruncated:
      return "a value cut short";
    case Kind::kUnsupported:
      return "a value of an unsupported type";
  }
  return "";
}

std::string StructWord(const RenderedValue& value) {
  return value.text.empty() ? "the struct" : fmt::format("struct {}", value.text);
}

const RenderedValue* FindMember(const RenderedValue& value, const std::string& name) {
  for (const RenderedMember& member : value.members)
    if (member.name == name) return &member.value;
  for (const RenderedMember& member : value.members)
    if (member.name.empty() && member.value.kind == Kind::kStruct)
      if (const RenderedValue* inner = FindMember(member.value, name)) return inner;
  return nullptr;
}

bool IsInteger(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kBool || kind == Kind::kChar ||
         kind == Kind::kEnum;
}
bool IsSigned(Kind kind) { return kind == Kind::kInt || kind == Kind::kEnum; }

bool IsCharArray(const RenderedValue& value) {
  if (value.kind != Kind::kArray || value.members.empty() || value.members.size() != value.length)
    return false;
  for (const RenderedMember& element : value.members) {
    const RenderedValue& item = element.value;
    const bool byte =
        item.kind == Kind::kChar || ((item.kind == Kind::kInt || item.kind == Kind::kUint) && item.bits == 8);
    if (!byte) return false;
  }
  return true;
}

/// The bytes of a char array up to its NUL, if they are text.
std::optional<std::string> ArrayText(const RenderedValue& value) {
  if (!IsCharArray(value)) return std::nullopt;
  std::string text;
  for (const RenderedMember& element : value.members) {
    const auto byte = static_cast<unsigned char>(element.value.number);
    if (byte == 0) return text;
    if (byte < 0x20 || byte == 0x7F) return std::nullopt;
    text += static_cast<char>(byte);
  }
  return text;
}

}  // namespace

std::vector<std::string> MemberNames(const RenderedValue& value) {
  std::vector<std::string> names;
  if (value.kind != Kind::kStruct) return names;
  for (const RenderedMember& member : value.members) {
    if (!member.name.empty()) {
      names.push_back(member.name);
      continue;
    }
    for (std::string& inner : MemberNames(member.value)) names.push_back(std::move(inner));
  }
  return names;
}

std::string SnapshotValue::Where() const {
  return path_.empty() ? where_ : fmt::format("{}, field {}", where_, path_);
}

SnapshotOutcome<SnapshotValue> SnapshotValue::Get(std::string_view path) const {
  auto parsed = ParseSnapshotPath(path);
  if (!parsed.ok())
    return SnapshotError{parsed.error().kind, fmt::format("{}: {}", Where(), parsed.error().message)};
  SnapshotValue at = *this;
  int hops = 0;
  for (const SnapshotPathStep& step : *parsed) at = TRY(at.Step(step, hops));
  return at;
}

SnapshotOutcome<SnapshotValue> SnapshotValue::Step(const SnapshotPathStep& step, int& hops) const {
  SnapshotValue at = *this;
  while (at.value_->kind == Kind::kPtr && !at.value_->members.empty()) {
    if (++hops > kMaxHops)
      return SnapshotError{Fault::kProjectionFailed,
                           fmt::format("{}: more than {} pointers on the way", Where(), kMaxHops)};
    at.value_ = &at.value_->members.front().value;
  }
  const RenderedValue& here = *at.value_;
  if (here.kind == Kind::kTruncated) {
    const std::string cut = fmt::format("only {} of {} bytes could be read", here.had, here.needed);
    if (here.members.empty()) return SnapshotError{Fault::kNoRendered, fmt::format("{}: {}", Where(), cut)};
    at.value_ = &here.members.front().value;
    SnapshotOutcome<SnapshotValue> inner = at.Step(step, hops);
    const bool absent = !inner.ok() && (inner.error().kind == Fault::kFieldNotFound ||
                                        inner.error().kind == Fault::kIndexOutOfRange);
    if (absent)
      return SnapshotError{Fault::kMapRenderIncomplete, fmt::format("{} ({})", inner.error().message, cut)};
    return inner;
  }
  if (here.kind == Kind::kUnsupported)
    return SnapshotError{Fault::kNoRendered, fmt::format("{}: {}", Where(), here.reason)};
  if (!step.match.empty())
    return SnapshotError{
        Fault::kProjectionFailed,
        fmt::format("{}: [member=value] chooses from lists of the report, not in a value", Where())};
  return step.index ? at.Element(*step.index) : at.Member(step.name);
}

SnapshotOutcome<SnapshotValue> SnapshotValue::Member(const std::string& name) const {
  if (value_->kind == Kind::kPtr)
    return SnapshotError{
        Fault::kNotAStruct,
        fmt::format("{}: the pointer {:#x} was not followed{}{}, so there is no field '{}'", Where(),
                    value_->number, value_->reason.empty() ? "" : ": ", value_->reason, name)};
  if (value_->kind != Kind::kStruct)
    return SnapshotError{Fault::kNotAStruct,
                         fmt::format("{}: {} has no field '{}'", Where(), WordFor(value_->kind), name)};
  const RenderedValue* member = FindMember(*value_, name);
  if (member == nullptr) {
    const std::vector<std::string> names = MemberNames(*value_);
    const std::vector<std::string_view> views(names.begin(), names.end());
    return SnapshotError{
        Fault::kFieldNotFound,
        fmt::format("{}: no field '{}' in {}{}", Where(), name, StructWord(*value_), DidYouMean(name, views)),
        names};
  }
  SnapshotValue found = *this;
  found.value_ = member;
  found.path_ += (path_.empty() ? "" : ".") + name;
  return found;
}

SnapshotOutcome<SnapshotValue> SnapshotValue::Element(std::uint64_t index) const {
  if (value_->kind != Kind::kArray)
    return SnapshotError{Fault::kNotAStruct,
                         fmt::format("{}: {} has no element [{}]", Where(), WordFor(value_->kind), index)};
  if (index >= value_->members.size()) {
    const std::string shown = index < value_->length
                                  ? fmt::format(", of which the first {} were kept", value_->members.size())
                                  : "";
    return SnapshotError{Fault::kIndexOutOfRange, fmt::format("{}: no element [{}] in an array of {}{}",
                                                              Where(), index, value_->length, shown)};
  }
  SnapshotValue found = *this;
  found.value_ = &value_->members[index].value;
  found.path_ += fmt::format("[{}]", index);
  return found;
}

SnapshotError SnapshotValue::Mismatch(std::string_view requested) const {
  const RenderedValue& here = *value_;
  if (here.kind == Kind::kTruncated)
    return {Fault::kNoRendered,
            fmt::format("{}: only {} of {} bytes could be read", Where(), here.had, here.needed)};
  if (here.kind == Kind::kUnsupported)
    return {Fault::kNoRendered, fmt::format("{}: {}", Where(), here.reason)};
  const std::optional<std::string> text = ScalarText(here);
  return {Fault::kTypeMismatch,
          fmt::format("{}: {}{}{} is no {}", Where(), WordFor(here.kind), text ? " of " : "",
                      text.value_or(""), requested),
          MemberNames(here)};
}

SnapshotOutcome<std::uint64_t> SnapshotValue::AsU64() const {
  const bool negative = IsSigned(value_->kind) && static_cast<std::int64_t>(value_->number) < 0;
  if ((IsInteger(value_->kind) || value_->kind == Kind::kPtr) && !negative) return value_->number;
  return Mismatch("u64");
}

SnapshotOutcome<std::int64_t> SnapshotValue::AsI64() const {
  const bool fits = IsSigned(value_->kind) ||
                    value_->number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (IsInteger(value_->kind) && fits) return static_cast<std::int64_t>(value_->number);
  return Mismatch("i64");
}

SnapshotOutcome<bool> SnapshotValue::AsBool() const {
  if (IsInteger(value_->kind) && value_->number <= 1) return value_->number == 1;
  return Mismatch("bool");
}

SnapshotOutcome<double> SnapshotValue::AsF64() const {
  if (value_->kind == Kind::kFloat) return value_->real;
  if (IsSigned(value_->kind)) return static_cast<double>(static_cast<std::int64_t>(value_->number));
  if (IsInteger(value_->kind)) return static_cast<double>(value_->number);
  return Mismatch("f64");
}

SnapshotOutcome<std::string> SnapshotValue::AsStr() const {
  const bool named = value_->kind == Kind::kEnum && !value_->text.empty();
  if (named || value_->kind == Kind::kCpuList) return value_->text;
  if (std::optional<std::string> text = ArrayText(*value_)) return *std::move(text);
  return Mismatch("text");
}

std::optional<std::string> ScalarText(const RenderedValue& value) {
  switch (value.kind) {
    case Kind::kInt:
      return fmt::format("{}", static_cast<std::int64_t>(value.number));
    case Kind::kUint:
    case Kind::kChar:
      return fmt::format("{}", value.number);
    case Kind::kBool:
      return value.number != 0 ? "true" : "false";
    case Kind::kFloat:
      return fmt::format("{}", value.real);
    case Kind::kEnum:
      return value.text.empty() ? fmt::format("{}", static_cast<std::int64_t>(value.number)) : value.text;
    case Kind::kPtr:
      return fmt::format("{:#x}", value.number);
    case Kind::kCpuList:
      return value.text;
    case Kind::kBytes:
      return "hex:" + value.text;
    case Kind::kArray:
      return ArrayText(value);
    case Kind::kStruct:
    case Kind::kTruncated:
    case Kind::kUnsupported:
      break;
  }
  return std::nullopt;
}

}  // namespace ktstr::vmm
