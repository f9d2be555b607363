// Names of snapshots, reads and watches while planning.
#include <fmt/format.h>

#include "ops/plan/plan_context.h"

namespace ktstr {

bool PlanContext::MakeTag(Tags kind, std::string_view field, const std::string& name) {
  static constexpr std::string_view kWhat[] = {"snapshot", "read", "watch", "process list", "guest file"};
  const std::string what(kWhat[static_cast<std::size_t>(kind)]);
  std::vector<TagState>& tags = state_.TagsOf(kind);
  for (const TagState& tag : tags) {
    if (tag.name != name) continue;
    if (kind == Tags::kRead || kind == Tags::kProcs || kind == Tags::kFile)
      return true;  // a value at each time
    Diagnose(field, "duplicate-name", "two of them would be " + what + " '" + name + "'",
             "give each its own tag", {{tag.made.path, "the first one, in " + tag.made.where, {}}});
    return false;
  }
  if (kind == Tags::kSnapshot && name.starts_with("periodic_")) {
    Diagnose(field, "reserved-name", "tags that begin with periodic_ are those of periodic snapshots");
    return false;
  }
  constexpr std::size_t kMaxWatches = 128;  // vmm::WatchCap(kTcg)
  if (kind == Tags::kWatch && tags.size() == kMaxWatches) {
    Diagnose(field, "too-many", "at most 128 places can be watched in a run, and 4 with KVM");
    return false;
  }
  tags.push_back({name, Here()});
  return kind != Tags::kSnapshot || CountSnapshots(field, 1);
}

bool PlanContext::CountSnapshots(std::string_view field, std::uint64_t count) {
  const std::uint64_t before = state_.snapshots;
  state_.snapshots += count;
  if (state_.snapshots <= kMaxSnapshots) return true;
  if (before <= kMaxSnapshots)  // said where the limit is passed, not again for each one after it
    Diagnose(field, "too-many",
             fmt::format("with {} there would be {} snapshots; at most {} of a run are kept",
                         count == 1 ? "this one" : fmt::format("these {}", count), state_.snapshots,
                         kMaxSnapshots));
  return false;
}

void PlanContext::NeedSymbol(std::string_view field, const std::string& name) {
  for (const NeededSymbol& known : state_.symbols)
    if (known.name == name) return;
  state_.symbols.push_back({name, path_ + "/" + std::string(field)});
}

}  // namespace ktstr
