#include "vmm/host/line_pattern_fault.h"

#include <algorithm>
#include <cstdint>

#include "guest-init/base/line_pattern.h"

namespace ktstr {
namespace {

constexpr std::size_t kMaxPattern = 256;
constexpr std::uint64_t kMaxRepeat = 256;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::uint64_t PatternRepetitions(std::string_view pattern) {
  std::uint64_t product = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\')
      ++i;
    else if (pattern[i] == '{') {
      std::uint64_t most = 1;
      for (std::uint64_t number = 0; ++i < pattern.size() && (IsDigit(pattern[i]) || pattern[i] == ',');) {
        number = IsDigit(pattern[i])
                     ? std::min<std::uint64_t>(number * 10 + (pattern[i] - '0'), kMaxRepeat + 1)
                     : 0;
        most = std::max(most, number);
      }
      product = std::min(product * most, kMaxRepeat + 1);
    }
  }
  return product;
}

std::string LinePatternFault(const std::string& pattern) {
  if (pattern.empty()) return "it is empty";
  if (pattern.size() > kMaxPattern) return "it is longer than " + std::to_string(kMaxPattern) + " characters";
  if (PatternRepetitions(pattern) > kMaxRepeat)
    return "its repetition counts multiply to more than " + std::to_string(kMaxRepeat);
  try {
    const std::regex whole(pattern, kLineRegexFlags);
    const std::regex anywhere(LinePattern::Anywhere(pattern), kLineRegexFlags);
    return {};
  } catch (const std::regex_error& error) {
    if (error.code() == std::regex_constants::error_complexity)
      return "back references and look-ahead are not supported";
    return "it is not a regular expression";
  }
}

}  // namespace ktstr
