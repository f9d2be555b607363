#include "interpreter/load/decode_leaf.h"

#include <fmt/format.h>

#include <cmath>
#include <regex>
#include <unordered_map>
#include <utility>

#include "guest-init/base/units.h"
#include "interpreter/load/explain_text.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

// Grammars and patterns see no longer text: std::regex recurses once a character.
constexpr std::size_t kMaxScalarText = 1024;
// Integers up to here are exact as doubles.
constexpr double kMaxExact = 9007199254740992.0;

std::string FoundPhrase(const Node& node) {
  switch (node.kind) {
    case NodeKind::kBool:
      return std::string(node.text);
    case NodeKind::kInt:
    case NodeKind::kFloat:
    case NodeKind::kString:
      return fmt::format("the{} '{}'", KindPhrase(node.kind).substr(KindPhrase(node.kind).find(' ')),
                         Shown(node.text));
    default:
      return std::string(KindPhrase(node.kind));
  }
}

/// "6.10", but neither "0x10" nor "1e3" nor "007.5".
bool IsPlainDecimal(std::string_view text) {
  const std::size_t dot = text.find('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < text.size() && (text[0] != '0' || dot == 1) &&
         text.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// Number nodes in the spelling that a scalar's grammar knows: `0x10` and `010` are plain decimals to it.
std::string NumberText(const Node& node) {
  // A kernel version that looks like a number keeps its zeros: 6.10 is not 6.1.
  if (node.kind == NodeKind::kFloat && IsPlainDecimal(node.text)) return std::string(node.text);
  if (const auto value = node.IntValue()) return std::to_string(*value);
  if (const auto value = node.FloatValue(); value && node.kind == NodeKind::kFloat)
    return FormatDouble(*value);
  return std::string(node.text);
}

/// Compiling one takes longer than decoding a small file, and a pattern is a constant: each thread remembers.
const std::regex& Compiled(std::string_view pattern) {
  thread_local std::unordered_map<std::string_view, std::regex> memo;
  auto found = memo.find(pattern);
  if (found == memo.end()) found = memo.emplace(pattern, std::regex(std::string(pattern))).first;
  return found->second;
}

/// For a value in quotes that would be right without them.
std::string UnquoteHint(const Node& node, NodeKind wanted) {
  if (node.kind != NodeKind::kString || node.plain) return {};
  const NodeKind bare = ResolvePlainScalar(node.text);
  const bool fits = bare == wanted || (wanted == NodeKind::kFloat && bare == NodeKind::kInt);
  return fits ? fmt::format("remove the quotes: {}", node.text) : std::string();
}

bool OutsideLimits(double value, const Limits& limits) {
  return (limits.has_min && (limits.exclusive_min ? value <= limits.min : value < limits.min)) ||
         (limits.has_max && value > limits.max);
}

}  // namespace

std::string Shown(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool starts_character = (c & 0xC0U) != 0x80;
    if (starts_character && i >= kLongest) return shown + "...";
    if (c == '\n') {
      shown += "\\n";
    } else if (c < 0x20 || c == 0x7F) {
      shown += fmt::format("\\x{:02x}", c);
    } else {
      shown += text[i];
    }
  }
  return shown;
}

bool LeafDecoder::Diagnose(const NodePlace& place, std::string_view code, std::string message,
                           std::string hint) {
  out_.Error(place.Text(), std::string(code), std::move(message), std::move(hint));
  return Break(place);
}

bool LeafDecoder::DiagnoseKey(const NodePlace& place, std::string_view code, std::string message,
                              std::string hint) {
  out_.ErrorOnKey(place.Text(), std::string(code), std::move(message), std::move(hint));
  return Break(place);
}

void LeafDecoder::MissingKey(const NodePlace& place, std::string message, std::string hint) {
  out_.ErrorOnKey(place.Text(), "missing-key", std::move(message), std::move(hint));
}

bool LeafDecoder::Break(const NodePlace& place) {
  if (broken_ != nullptr) broken_->Add(place.Text());
  return false;
}

void LeafDecoder::DiagnoseRule(const NodePlace& place, std::string_view field, std::string message) {
  std::string path = place.Text();
  if (!field.empty() && !path.empty()) path += '/';
  path += field;
  out_.Error(path, "rule", std::move(message));
  if (broken_ != nullptr) broken_->Add(std::move(path));
}

bool LeafDecoder::WrongType(const std::string& expected, const Node& node, const NodePlace& place,
                            std::string hint) {
  return Diagnose(place, "wrong-type", fmt::format("expected {}, found {}", expected, FoundPhrase(node)),
                  std::move(hint));
}

bool LeafDecoder::Leaf(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
                       void* out) {
  switch (type.kind) {
    case Kind::kBool:
      return Bool(type, limits, node, place, out);
    case Kind::kInt:
    case Kind::kUint:
      return Integer(type, limits, node, place, out);
    case Kind::kDouble:
      return Double(type, limits, node, place, out);
    case Kind::kString:
      return String(type, limits, node, place, out);
    case Kind::kScalar:
      return Scalar(type, node, place, out);
    case Kind::kEnum:
      return Enum(type, node, place, out);
    default:
      return true;
  }
}

bool LeafDecoder::Bool(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
                       void* out) {
  std::optional<bool> value = node.BoolValue();
  if (limits.on_off && node.kind == NodeKind::kString && (node.text == "on" || node.text == "off"))
    value = node.text == "on";
  if (value) {
    *static_cast<bool*>(out) = *value;
    return true;
  }
  std::string hint = UnquoteHint(node, NodeKind::kBool);
  for (const std::string_view word : {"yes", "on", "Yes", "On", "YES", "ON"})
    if (node.plain && node.text == word) hint = fmt::format("'{}' is a string in YAML 1.2; write true", word);
  for (const std::string_view word : {"no", "off", "No", "Off", "NO", "OFF"})
    if (node.plain && node.text == word)
      hint = fmt::format("'{}' is a string in YAML 1.2; write false", word);
  return WrongType(limits.on_off ? "on or off" : ExpectPhrase(type), node, place, std::move(hint));
}

bool LeafDecoder::Integer(const TypeDecl& type, const Limits& limits, const Node& node,
                          const NodePlace& place, void* out) {
  const bool number = node.kind == NodeKind::kInt || node.kind == NodeKind::kFloat;
  const auto real = number ? node.FloatValue() : std::nullopt;
  const bool whole = node.kind == NodeKind::kInt ||  // 1e3 and 2.0 are whole too, as for JSON Schema
                     (real && *real == std::floor(*real) && std::abs(*real) <= kMaxExact);
  if (!whole) return WrongType(ExpectPhrase(type), node, place, UnquoteHint(node, NodeKind::kInt));
  const auto& integer = *type.integer;
  std::optional<std::int64_t> bits;  // the value, or the bit pattern of an unsigned one beyond its range
  if (node.kind == NodeKind::kFloat) {
    const auto value = static_cast<std::int64_t>(*real);
    if (value >= integer.min && (value < 0 || static_cast<std::uint64_t>(value) <= integer.max)) bits = value;
  } else if (const auto value = node.IntValue()) {
    if (*value >= integer.min && (*value < 0 || static_cast<std::uint64_t>(*value) <= integer.max))
      bits = *value;
  } else if (const auto large = node.UintValue(); large && *large <= integer.max) {
    bits = static_cast<std::int64_t>(*large);
  }
  if (!bits || OutsideLimits(type.kind == Kind::kUint ? static_cast<double>(static_cast<std::uint64_t>(*bits))
                                                      : static_cast<double>(*bits),
                             limits)) {
    const std::string bounds = BoundsText(type, limits);
    return Diagnose(place, "out-of-range",
                    bounds.empty()
                        ? fmt::format("{} is out of range: it does not fit into 64 bits", node.text)
                        : fmt::format("{} is out of range: it must be {}", node.text, bounds));
  }
  integer.store(out, *bits);
  return true;
}

bool LeafDecoder::Double(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
                         void* out) {
  const bool number = node.kind == NodeKind::kInt || node.kind == NodeKind::kFloat;
  const auto value = number ? node.FloatValue() : std::nullopt;
  if (!number) return WrongType(ExpectPhrase(type), node, place, UnquoteHint(node, NodeKind::kFloat));
  if (!value || !std::isfinite(*value))
    return Diagnose(place, "out-of-range", fmt::format("{} is not a finite number", node.text));
  if (OutsideLimits(*value, limits))
    return Diagnose(place, "out-of-range",
                    fmt::format("{} is out of range: it must be {}", node.text, BoundsText(type, limits)));
  *static_cast<double*>(out) = *value;
  return true;
}

bool LeafDecoder::Pattern(std::string_view text, const Limits& limits, const NodePlace& place, bool on_key) {
  if (limits.pattern.empty()) return true;
  if (text.size() <= kMaxScalarText && std::regex_search(text.begin(), text.end(), Compiled(limits.pattern)))
    return true;
  const std::string wanted = limits.pattern_doc.empty() ? fmt::format("it must match {}", limits.pattern)
                                                        : std::string(limits.pattern_doc);
  std::string message = text.size() > kMaxScalarText
                            ? fmt::format("'{}' is longer than {} bytes", Shown(text), kMaxScalarText)
                            : fmt::format("'{}' is not allowed here: {}", Shown(text), wanted);
  // The text is refused, but it is known: what it names is no mystery to what follows.
  if (on_key)
    out_.ErrorOnKey(place.Text(), "bad-value", std::move(message));
  else
    out_.Error(place.Text(), "bad-value", std::move(message));
  return false;
}

bool LeafDecoder::String(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
                         void* out) {
  if (node.kind != NodeKind::kString) {
    const bool quotable = node.IsScalar() && !node.IsNull();
    return WrongType(ExpectPhrase(type), node, place,
                     quotable ? fmt::format("quote it: \"{}\"", node.text) : std::string());
  }
  static_cast<std::string*>(out)->assign(node.text);
  return Pattern(node.text, limits, place, false);
}

bool LeafDecoder::Text(const Node& node, const NodePlace& place, bool number_too, const std::string& expected,
                       std::string (*parse)(std::string_view, void*), void* out,
                       std::span<const NamedForm> names) {
  const bool number = node.kind == NodeKind::kInt || node.kind == NodeKind::kFloat;
  if (!number && node.kind != NodeKind::kString) return WrongType(expected, node, place);
  const std::string text = number ? NumberText(node) : std::string(node.text);
  if (text.size() > kMaxScalarText)
    return Diagnose(place, "bad-value",
                    fmt::format("'{}' is longer than {} bytes", Shown(text), kMaxScalarText));
  std::string diagnostic = parse(text, out);
  if (!diagnostic.empty()) {
    std::vector<std::string_view> known;
    for (const NamedForm& form : names) known.push_back(form.name);
    return Diagnose(place, "bad-value", std::move(diagnostic), DidYouMean(text, known));
  }
  if (number && !number_too)
    return WrongType(expected, node, place, fmt::format("quote it: \"{}\"", node.text));
  return true;
}

bool LeafDecoder::Scalar(const TypeDecl& type, const Node& node, const NodePlace& place, void* out) {
  return Text(node, place, type.scalar->number_too, ExpectPhrase(type), type.scalar->parse, out);
}

bool LeafDecoder::Enum(const TypeDecl& type, const Node& node, const NodePlace& place, void* out) {
  if (node.kind != NodeKind::kString) return WrongType(ExpectPhrase(type), node, place);
  for (const EnumValue& value : type.enumeration->values) {
    if (value.name != node.text) continue;
    type.enumeration->store(out, value.value);
    return true;
  }
  return Diagnose(place, "unknown-name",
                  fmt::format("expected {}, found '{}'", ExpectPhrase(type), Shown(node.text)),
                  DidYouMean(node.text, EnumNames(*type.enumeration)));
}

}  // namespace ktstr
