#include "interpreter/load/document_scalar.h"

#include <charconv>
#include <limits>

namespace ktstr {
namespace {

bool OneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool AllIn(std::string_view text, std::string_view set) {
  return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

std::string_view WithoutSign(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return text;
}

std::size_t CountDigits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && IsDigit(text[count])) ++count;
  return count;
}

bool IsDecimalFloat(std::string_view text) {
  text = WithoutSign(text);
  const std::size_t whole = CountDigits(text);
  text.remove_prefix(whole);
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    const std::size_t fraction = CountDigits(text);
    if (whole + fraction == 0) return false;
    text.remove_prefix(fraction);
  } else if (whole == 0) {
    return false;
  }
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  return AllIn(WithoutSign(text.substr(1)), "0123456789");
}

bool IsInt(std::string_view text) {
  if (text.starts_with("0x")) return AllIn(text.substr(2), "0123456789abcdefABCDEF");
  if (text.starts_with("0o")) return AllIn(text.substr(2), "01234567");
  return AllIn(WithoutSign(text), "0123456789");
}

template <typename Number>
std::optional<Number> Parse(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    base = text[1] == 'x' ? 16 : 8;
    text.remove_prefix(2);
  } else if (text.starts_with('+')) {
    text.remove_prefix(1);
  }
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

NodeKind ResolvePlainScalar(std::string_view text) {
  if (text.empty() || OneOf(text, {"~", "null", "Null", "NULL"})) return NodeKind::kNull;
  const char first = text[0];
  if (first == 't' || first == 'T' || first == 'f' || first == 'F') {
    const bool word = OneOf(text, {"true", "True", "TRUE", "false", "False", "FALSE"});
    return word ? NodeKind::kBool : NodeKind::kString;
  }
  if (!IsDigit(first) && first != '-' && first != '+' && first != '.') return NodeKind::kString;
  if (IsInt(text)) return NodeKind::kInt;
  if (IsDecimalFloat(text)) return NodeKind::kFloat;
  if (OneOf(WithoutSign(text), {".inf", ".Inf", ".INF"})) return NodeKind::kFloat;
  if (OneOf(text, {".nan", ".NaN", ".NAN"})) return NodeKind::kFloat;
  return NodeKind::kString;
}

std::optional<std::int64_t> ParseCoreInt(std::string_view text) { return Parse<std::int64_t>(text); }

std::optional<std::uint64_t> ParseCoreUint(std::string_view text) { return Parse<std::uint64_t>(text); }

std::optional<double> ParseCoreFloat(std::string_view text) {
  if (IsInt(text) && (text.starts_with("0x") || text.starts_with("0o"))) {
    const std::optional<std::uint64_t> number = ParseCoreUint(text);
    return number ? std::optional<double>(static_cast<double>(*number)) : std::nullopt;
  }
  const std::string_view bare = WithoutSign(text);
  if (bare.size() == 4 && (bare[1] == 'i' || bare[1] == 'I')) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return text[0] == '-' ? -kInfinity : kInfinity;
  }
  if (bare.size() == 4 && (bare[1] == 'n' || bare[1] == 'N')) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace ktstr
