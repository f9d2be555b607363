// What is wrong with an author's regular expression for lines (guest-init/base/line_pattern.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ktstr {

/// What all `{n,m}` of a pattern multiply to, at most 257: the matcher's size grows with it.
std::uint64_t PatternRepetitions(std::string_view pattern);

/// What is wrong with a pattern, in one line; "" when nothing is. Back references and look-ahead, for one.
std::string LinePatternFault(const std::string& pattern);

}  // namespace ktstr
