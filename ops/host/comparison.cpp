#include "ops/host/comparison.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace ktstr {
namespace {

struct Sign {
  std::string_view text;
  Comparison::Kind kind;
};
// Longer signs before their beginnings.
constexpr std::array<Sign, 6> kSigns{{{"==", Comparison::Kind::kEqual},
                                      {"!=", Comparison::Kind::kNotEqual},
                                      {"<=", Comparison::Kind::kAtMost},
                                      {">=", Comparison::Kind::kAtLeast},
                                      {"<", Comparison::Kind::kLess},
                                      {">", Comparison::Kind::kMore}}};

bool ParseWord(std::string_view text, std::uint64_t& value) {
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return fault == std::errc() && end == text.data() + text.size();
}

std::string ParseComparison(std::string_view text, void* out) {
  auto& comparison = *static_cast<Comparison*>(out);
  comparison = {};
  if (text == "changed") return {};
  for (const Sign& sign : kSigns) {
    if (!text.starts_with(sign.text)) continue;
    std::string_view number = text.substr(sign.text.size());
    number.remove_prefix(std::min(number.size(), number.find_first_not_of(' ')));
    const bool negative = number.starts_with('-');
    std::uint64_t value = 0;
    if (!ParseWord(number.substr(negative ? 1 : 0), value))
      return fmt::format("'{}' is not a number", number);
    comparison.kind = sign.kind;
    comparison.value = static_cast<std::int64_t>(negative ? 0 - value : value);
    return {};
  }
  return fmt::format("'{}' is not a comparison; write '> 5', '!= 0' or 'changed'", text);
}

std::string PrintComparison(const void* in) {
  const auto& comparison = *static_cast<const Comparison*>(in);
  for (const Sign& sign : kSigns)
    if (sign.kind == comparison.kind) return fmt::format("{} {}", sign.text, comparison.value);
  return "changed";
}

constexpr ScalarDecl kComparison{"Comparison",
                                 "A sign and a number, or changed: the new value differs from the old one.",
                                 "^(changed|(==|!=|<|<=|>|>=) *-?(0x[0-9a-fA-F]{1,16}|[0-9]{1,20}))$",
                                 "> 5, != 0, == 0x10, changed",
                                 false,
                                 &ParseComparison,
                                 &PrintComparison};

constexpr ScalarDecl kWord{"Word",
                           "A number of at most 64 bits, decimal or in hex after 0x.",
                           "^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$",
                           "5, 0xffffffff82000000",
                           true,
                           [](std::string_view text, void* out) -> std::string {
                             if (ParseWord(text, static_cast<Word*>(out)->value)) return {};
                             return fmt::format("'{}' is not a number of at most 64 bits", text);
                           },
                           [](const void* in) {
                             const std::uint64_t value = static_cast<const Word*>(in)->value;
                             return value < 0x10000 ? std::to_string(value) : fmt::format("{:#x}", value);
                           }};

constexpr ScalarDecl kPlainText{"Text",
                                "A text, or a number, as it is written.",
                                "^.*$",
                                "3, 0-3",
                                true,
                                [](std::string_view text, void* out) -> std::string {
                                  static_cast<PlainText*>(out)->text = std::string(text);
                                  return {};
                                },
                                [](const void* in) { return static_cast<const PlainText*>(in)->text; }};

}  // namespace

const ScalarDecl& PlainText::Scalar() { return kPlainText; }
const ScalarDecl& Comparison::Scalar() { return kComparison; }
const ScalarDecl& Word::Scalar() { return kWord; }

}  // namespace ktstr
