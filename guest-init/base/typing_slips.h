// How far apart two words are, for "did you mean ...?".
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace ktstr {

/// Counts typing slips: a byte missing, extra or wrong, or two neighbours swapped (Damerau-Levenshtein,
/// optimal string alignment). One object serves many comparisons and reuses its memory; one thread.
class TypingSlips {
 public:
  /// Between `a` and `b`; `limit` + 1 as soon as it is known to be more than `limit`.
  std::size_t Count(std::string_view a, std::string_view b, std::size_t limit);

 private:
  std::vector<std::size_t> before_, last_, row_;  // rows of the table: two above, above, the present one
};

/// How many slips a name may have before it is another name: one in up to 4 bytes, two in up to 8, three
/// beyond.
constexpr std::size_t AllowedSlips(std::size_t length) {
  if (length <= 4) return 1;
  return length <= 8 ? 2 : 3;
}

}  // namespace ktstr
