// Regular expressions of authors on single lines, in bounded time; in the guest and on the host alike.
#pragma once

#include <regex>
#include <string>
#include <string_view>

namespace ktstr {

// The polynomial matcher of libstdc++: the default one takes exponential time for patterns such as (a+)+b,
// and recurses once per character.
inline constexpr auto kLineRegexFlags = std::regex::ECMAScript | std::regex_constants::__polynomial;

/// Finds an ECMA regular expression anywhere in a line. The first kMaxLine bytes of a line are looked at.
class LinePattern {
 public:
  static constexpr std::size_t kMaxLine = 1024;

  /// REQUIRES: LinePatternFault(pattern) (vmm/host/line_pattern_fault.h) is "": where there are no
  /// exceptions, a wrong one ends the program.
  explicit LinePattern(const std::string& pattern) : regex_(Anywhere(pattern), kLineRegexFlags) {}
  [[nodiscard]] bool Found(std::string_view line) const {
    line = line.substr(0, kMaxLine);
    return std::regex_search(line.begin(), line.end(), regex_, std::regex_constants::match_continuous);
  }

  /// A search would start over at each character of the line; a prefix that takes anything does not.
  static std::string Anywhere(const std::string& pattern) { return "(?:[^]*?)(?:" + pattern + ")"; }

 private:
  std::regex regex_;
};

}  // namespace ktstr
