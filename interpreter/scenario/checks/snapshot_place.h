// Where in a snapshot a value stands, as the kinds `snapshot` and `over_time` take it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "guest-init/base/decl.h"
#include "ops/host/comparison.h"
#include "vmm/introspection/snapshot/snapshot_view.h"

namespace ktstr {

/// See vmm::SnapshotSelector. Exactly one of map, var and at is given.
struct SnapshotPlace {
  std::optional<std::string> map = {};    // a BPF map by name
  std::optional<std::string> var = {};    // a global variable of a BPF object by name
  std::optional<PlainText> key = {};      // an entry of the map
  std::optional<std::uint32_t> cpu = {};  // whose value of a per-CPU map; goes with `map` only
  std::optional<std::string> field = {};  // a member of the value; goes with `map` or `var`
  std::string at = {};                    // a path from the root of the snapshot; "": not given

  [[nodiscard]] vmm::SnapshotSelector Selector() const;
  /// "map 'counts', key 3, field total": in words, for what was not found too.
  [[nodiscard]] std::string Text() const;
};

/// The place of a check with members of the same names.
template <typename S>
SnapshotPlace PlaceOf(const S& check) {
  return {check.map, check.var, check.key, check.cpu, check.field, check.at};
}
template <typename S>
inline constexpr std::array<FieldDecl, 6> kPlaceFields{
    Optional<&S::map>("map", "Which BPF map in the snapshot, by name."),
    Optional<&S::var>("var", "Which global variable of a BPF object in the snapshot, by name."),
    Optional<&S::key>("key", "Which entry of the map: `3`, `pid=7,cpu=1`, or `hex:0700..`."),
    Optional<&S::cpu>("cpu", "Whose value of a per-CPU map; without it the map must have one value."),
    Optional<&S::field>("field", "Which member of the value: `a.b[2]`; pointers are followed."),
    Optional<&S::at>("at",
                     "What else in the snapshot: `run_queues[0].nr_running`, `tasks[comm=spin].policy`."),
};

/// The mistakes of a place by itself.
void PlaceRules(const SnapshotPlace& place, RuleSink& sink);

}  // namespace ktstr
