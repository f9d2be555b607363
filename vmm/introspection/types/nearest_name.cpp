#include "vmm/introspection/types/nearest_name.h"

#include <algorithm>
#include <vector>

namespace ktstr::vmm {
namespace {

/// No user types a name this long.
constexpr std::size_t kMaxLength = 128;

std::size_t AllowedSlips(std::size_t length) {
  if (length <= 4) return 1;
  return length <= 8 ? 2 : 3;
}

/// Levenshtein distance, or limit + 1 once it is known to be more. `row` is room to work in.
std::size_t Slips(std::string_view a, std::string_view b, std::size_t limit, std::vector<std::size_t>& row) {
  row.resize(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    std::size_t least = row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      least = std::min(least, row[j]);
    }
    if (least > limit) return limit + 1;
  }
  return row[b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view wrong, std::span<const std::string_view> names) {
  if (wrong.empty() || wrong.size() > kMaxLength) return "";
  // As many slips as a name has letters would turn any word into any other.
  std::size_t limit = std::min(AllowedSlips(wrong.size()), wrong.size() - 1);
  std::string_view best;
  std::vector<std::size_t> row;
  for (const std::string_view name : names) {
    const std::size_t gap = std::max(name.size(), wrong.size()) - std::min(name.size(), wrong.size());
    if (name.empty() || gap > limit) continue;
    const std::size_t slips = Slips(wrong, name, limit, row);
    if (slips > limit) continue;
    best = name;
    if (slips == 0) break;
    limit = slips - 1;
  }
  return best.empty() ? "" : "; did you mean '" + std::string(best) + "'?";
}

}  // namespace ktstr::vmm
