#include "ops/plan/suggest.h"

#include <algorithm>
#include <vector>

namespace ktstr {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), Lower);
  return lowered;
}

std::size_t AllowedSlips(std::size_t length) {
  if (length <= 4) return 1;
  return length <= 8 ? 2 : 3;
}

template <typename Name>
std::optional<std::string> Closest(std::string_view wrong, std::span<const Name> candidates) {
  const std::string needle = Lowered(wrong);
  if (needle.empty()) return std::nullopt;
  const Name* best = nullptr;
  std::size_t best_slips = 0;
  const Name* begun = nullptr;
  std::size_t begun_count = 0;
  for (const Name& candidate : candidates) {
    const std::string lowered = Lowered(candidate);
    if (needle.size() >= 3 && lowered.starts_with(needle)) {
      begun = &candidate;
      ++begun_count;
    }
    const std::size_t shorter = std::min(needle.size(), lowered.size());
    if (shorter == 0) continue;
    // A slip per letter would turn any word into any other: "ab" is not a misspelt "cd".
    std::size_t limit = std::min(AllowedSlips(std::max(needle.size(), lowered.size())), shorter - 1);
    if (best) limit = std::min(limit, best_slips);
    const std::size_t slips = TypingSlips(needle, lowered, limit);
    if (slips > limit || (best && slips >= best_slips)) continue;
    best = &candidate;
    best_slips = slips;
  }
  if (!best && begun_count == 1) best = begun;
  return best ? std::optional<std::string>(std::string(*best)) : std::nullopt;
}

template <typename Name>
std::string Ask(std::string_view wrong, std::span<const Name> candidates) {
  const std::optional<std::string> name = Closest(wrong, candidates);
  return name ? "did you mean '" + *name + "'?" : "";
}

}  // namespace

std::size_t TypingSlips(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t gap = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (gap > limit) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    std::size_t row_best = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t swap_in = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, swap_in});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
      row_best = std::min(row_best, row[j]);
    }
    // A transposition reaches back two rows, so one bad row alone does not prove the limit passed.
    if (row_best > limit + 1) return limit + 1;
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

std::optional<std::string> ClosestName(std::string_view wrong, std::span<const std::string_view> candidates) {
  return Closest(wrong, candidates);
}

std::optional<std::string> ClosestName(std::string_view wrong, std::span<const std::string> candidates) {
  return Closest(wrong, candidates);
}

std::string DidYouMean(std::string_view wrong, std::span<const std::string_view> candidates) {
  return Ask(wrong, candidates);
}

std::string DidYouMean(std::string_view wrong, std::span<const std::string> candidates) {
  return Ask(wrong, candidates);
}

}  // namespace ktstr
