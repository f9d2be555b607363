#include "ops/plan/suggest.h"

#include <algorithm>

#include "guest-init/base/typing_slips.h"

namespace ktstr {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), Lower);
  return lowered;
}

template <typename Name>
std::optional<std::string> Closest(std::string_view wrong, std::span<const Name> candidates) {
  const std::string needle = Lowered(wrong);
  if (needle.empty()) return std::nullopt;
  const Name* best = nullptr;
  std::size_t best_slips = 0;
  TypingSlips typing;
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
    const std::size_t slips = typing.Count(needle, lowered, limit);
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
