// UTF-8, byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ktstr {

/// How many bytes the character at `at` has: 1 to 4, or 0 when no valid one begins there. Overlong forms,
/// surrogates and values beyond U+10FFFF are not valid. REQUIRES: at < text.size().
std::size_t Utf8Length(std::string_view text, std::size_t at);

/// The code point of a valid character. REQUIRES: `length` is what Utf8Length() says of it, and not 0.
std::uint32_t Utf8Point(std::string_view text, std::size_t at, std::size_t length);

}  // namespace ktstr
