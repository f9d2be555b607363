// One value in the text of a file, such as those of /proc and /sys. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "guest-init/base/result.h"

namespace ktstr {

/// At most one of line, key and json; none of them is the whole text.
struct TextPlace {
  std::optional<std::uint32_t> line = {};  // from 1
  std::optional<std::string> key = {};     // what a line begins with; the value is the rest of the line
  std::optional<std::string> json = {};    // "a.b.0"
  std::optional<std::uint32_t> word = {};  // of that, from 1

  /// "line 2, word 1"; "" for the whole text.
  [[nodiscard]] std::string Describe() const;
};

/// The value without blanks around it. After a key come blanks, ':' or '='. A key "some.avg10" that no line
/// has is the word `avg10=` of the line `some`. Errors (kInput): "it has no line 3, but 2", "no line of it
/// begins with the key x".
Result<std::string> TextAt(std::string_view text, const TextPlace& place);

/// The number that `text` is, if it is nothing else.
std::optional<long double> NumberIn(std::string_view text);

}  // namespace ktstr
