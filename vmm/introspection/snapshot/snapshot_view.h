// Finding things in a snapshot: maps and global variables by name, everything by a selector in words.
#pragma once

#include "vmm/introspection/snapshot/snapshot_error.h"
#include "vmm/introspection/snapshot/snapshot_map.h"
#include "vmm/introspection/snapshot/snapshot_report.h"
#include "vmm/introspection/snapshot/snapshot_value.h"

namespace ktstr::vmm {

/// A view of a report, which must outlive it and what comes from it. Of a placeholder everything is
/// kPlaceholderSnapshot.
class SnapshotView {
 public:
  explicit SnapshotView(const SnapshotReport& report) : report_(&report) {}

  /// The map with exactly this name; names are compared as the kernel keeps them, cut to 15 characters. Of
  /// several the one the running scheduler uses, else the first. Errors: kMapNotFound, kHostFieldUnavailable
  /// when no map was read, kActiveFilterExcludedMaps.
  [[nodiscard]] SnapshotOutcome<SnapshotMap> Map(std::string_view name) const;
  /// A global variable of a BPF object: a member of a .bss, .data or .rodata section. `name` is not split at
  /// dots. Errors: kVarNotFound, kAmbiguousVar when several sections have it, kMapRenderIncomplete.
  [[nodiscard]] SnapshotOutcome<SnapshotValue> Var(std::string_view name) const;
  /// Every variable of that name; none is no error.
  [[nodiscard]] SnapshotOutcome<std::vector<SnapshotValue>> Vars(std::string_view name) const;
  /// Only the maps of the running scheduler: their addresses are among those its programs use, and a
  /// section's name begins with its object's. Error kNoActiveScheduler.
  [[nodiscard]] SnapshotOutcome<SnapshotView> Active() const;

  [[nodiscard]] const SnapshotReport& report() const { return *report_; }

 private:
  [[nodiscard]] std::vector<const MapRecord*> Maps() const;
  [[nodiscard]] bool IsActive(const MapRecord& map) const;
  [[nodiscard]] std::optional<SnapshotError> Unusable() const;
  [[nodiscard]] SnapshotError VarNotFound(std::string_view name) const;

  const SnapshotReport* report_;
  bool active_only_ = false;
};

/// A question to a snapshot; exactly one of map, var and path.
struct SnapshotSelector {
  std::optional<std::string> map = {};
  std::optional<std::string> var = {};
  std::optional<std::string> key = {};    // of a map: see KeyIs
  std::optional<std::string> field = {};  // in the value: "a.b[1]"
  std::optional<std::uint32_t> cpu = {};  // of a per-CPU map
  /// Elsewhere in the report, by its JSON keys: "tasks[comm=spin].nr_threads" (the first that fits),
  /// "run_queues[0].nr_running", "scx_sched_state.exit_kind", "tasks.length".
  std::string path = {};
};

/// What a selector leads to.
struct SnapshotScalar {
  enum class Kind : std::uint8_t { kNumber, kText, kBool };
  Kind kind = Kind::kNumber;
  /// Of numbers (enums and pointers among them; rounded beyond 2^53) and bools (0 or 1).
  std::optional<double> number = {};
  /// Exact: "17", "-1", "true", "MODE_FIFO", "0xffff888003a1c000", "spin".
  std::string text = {};
  std::string where = {};  // "map 'counts', key 3, field total"

  /// "map 'counts', key 3, field total = 17"; texts in quotes.
  [[nodiscard]] std::string Message() const;
};

/// Errors: those of the views, kProjectionFailed for a selector that is none, kTypeMismatch for a struct or
/// list, kHostFieldUnavailable for what could not be read; also, for paths, kFieldNotFound, kNoMatch,
/// kIndexOutOfRange.
[[nodiscard]] SnapshotOutcome<SnapshotScalar> Evaluate(const SnapshotReport& report,
                                                       const SnapshotSelector& selector);

}  // namespace ktstr::vmm
