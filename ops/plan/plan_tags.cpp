// Names of snapshots, reads and watches while planning.
#include "ops/plan/plan_context.h"

namespace ktstr {

bool PlanContext::MakeTag(Tags kind, std::string_view field, const std::string& name) {
  static constexpr std::string_view kWhat[] = {"snapshot", "read", "watch"};
  const std::string what(kWhat[static_cast<std::size_t>(kind)]);
  std::vector<TagState>& tags = state_.TagsOf(kind);
  for (const TagState& tag : tags) {
    if (tag.name != name) continue;
    if (kind == Tags::kRead) return true;
    Fault(field, "duplicate-name", "two of them would be " + what + " '" + name + "'",
          "give each its own tag", {{tag.made.path, "the first one, in " + tag.made.where, {}}});
    return false;
  }
  if (kind == Tags::kSnapshot && name.starts_with("periodic_")) {
    Fault(field, "reserved-name", "tags that begin with periodic_ are those of periodic snapshots");
    return false;
  }
  constexpr std::size_t kMaxWatches = 128;  // vmm::WatchCap(kTcg)
  constexpr std::size_t kMaxSnapshots = 64;
  if (kind == Tags::kSnapshot && tags.size() == kMaxSnapshots) {
    Fault(field, "too-many", "at most 64 snapshots of a run are kept");
    return false;
  }
  if (kind == Tags::kWatch && tags.size() == kMaxWatches) {
    Fault(field, "too-many", "at most 128 places can be watched in a run, and 4 with KVM");
    return false;
  }
  tags.push_back({name, Here()});
  return true;
}

void PlanContext::NeedSymbol(std::string_view field, const std::string& name) {
  for (const NeededSymbol& known : state_.symbols)
    if (known.name == name) return;
  state_.symbols.push_back({name, path_ + "/" + std::string(field)});
}

}  // namespace ktstr
