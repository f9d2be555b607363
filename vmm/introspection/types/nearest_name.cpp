#include "vmm/introspection/types/nearest_name.h"

#include <algorithm>

#include "guest-init/base/typing_slips.h"

namespace ktstr::vmm {
namespace {

/// No user types a name this long.
constexpr std::size_t kMaxLength = 128;

}  // namespace

std::string DidYouMean(std::string_view wrong, std::span<const std::string_view> names) {
  if (wrong.empty() || wrong.size() > kMaxLength) return "";
  // As many slips as a name has letters would turn any word into any other.
  std::size_t limit = std::min(AllowedSlips(wrong.size()), wrong.size() - 1);
  std::string_view best;
  TypingSlips typing;
  for (const std::string_view name : names) {
    if (name.empty()) continue;
    const std::size_t slips = typing.Count(wrong, name, limit);
    if (slips > limit) continue;
    best = name;
    if (slips == 0) break;
    limit = slips - 1;
  }
  return best.empty() ? "" : "; did you mean '" + std::string(best) + "'?";
}

}  // namespace ktstr::vmm
