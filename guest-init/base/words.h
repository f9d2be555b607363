// Text of the kernel's files as words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ktstr {

/// What stands between blanks, tabs and line ends.
std::vector<std::string> SplitWords(std::string_view text);

}  // namespace ktstr
