// Foreign text as one line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ktstr {

/// Printable(), made fit for the middle of a message: each run of white space that has a tab or a line end in
/// it becomes one blank, white space at the ends goes. Longer than `max_bytes`, it is cut after a whole UTF-8
/// character, with `...` behind it.
std::string OneLine(std::string_view text, std::size_t max_bytes = std::string::npos);

}  // namespace ktstr
