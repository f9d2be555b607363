#include "guest-init/base/typing_slips.h"

#include <algorithm>
#include <utility>

namespace ktstr {

std::size_t TypingSlips::Count(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap > limit) return limit + 1;
  for (std::vector<std::size_t>* row : {&before_, &last_, &row_}) row->resize(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last_[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row_[0] = i;
    std::size_t row_best = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t swap_in = last_[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row_[j] = std::min({last_[j] + 1, row_[j - 1] + 1, swap_in});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row_[j] = std::min(row_[j], before_[j - 2] + 1);
      row_best = std::min(row_best, row_[j]);
    }
    // A swap reaches back two rows, so one bad row alone does not prove the limit passed.
    if (row_best > limit + 1) return limit + 1;
    std::swap(before_, last_);
    std::swap(last_, row_);
  }
  return std::min(last_[b.size()], limit + 1);
}

}  // namespace ktstr
