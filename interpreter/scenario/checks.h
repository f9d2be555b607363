// The checks an author may write, and the default ones: declarations and what can be said about them before a
// run. judge.h evaluates them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/base/units.h"
#include "interpreter/temporal/temporal_check.h"
#include "ops/host/comparison.h"
#include "ops/plan/diagnostics.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// A bound on a number. Bounds are inclusive. It is about exactly one of: a metric, a value in a snapshot,
/// the value of a read, the fires of a watch, or (over_time with map, var or path) a value in all periodic
/// snapshots.
///
/// Which number: `phase` (in a step's `checks:` that step, unless another is named) or, without one, the
/// whole run. A cgroup metric without `cgroup` must hold in EVERY cgroup that has data for it; the message
/// names the one that is farthest off. A payload metric (payload.<name>.<metric>) must hold in every run of
/// that payload; `phase` and `cgroup` select among them. `vs_phase` bounds the number divided by the same one
/// of another phase.
struct MetricCheck {
  std::string metric;  // "": it is about something else
  std::optional<std::string> snapshot = {};
  std::optional<std::string> read = {};
  std::optional<std::string> watch = {};
  std::optional<TemporalPattern> over_time = {};
  // Where in a snapshot; see SnapshotSelector.
  std::optional<std::string> map = {};
  std::optional<std::string> var = {};
  std::optional<PlainText> key = {};
  std::optional<std::uint32_t> cpu = {};
  std::optional<std::string> field = {};
  std::string at = {};
  std::optional<PlainText> equals = {};
  std::optional<std::string> phase = {};
  std::optional<std::string> cgroup = {};
  std::optional<Quantity> min = {};
  std::optional<Quantity> max = {};
  std::vector<Quantity> between = {};  // empty or [lo, hi]
  std::optional<std::string> vs_phase = {};
  std::optional<double> min_ratio = {};
  std::optional<double> max_ratio = {};
  std::string because = {};  // the author's reason, repeated in the message of a failure
  static const StructDecl& Decl();

  /// Whether it is about what was seen from outside, not about a metric.
  [[nodiscard]] bool OfObservation() const { return metric.empty(); }
  [[nodiscard]] bool SelectsInSnapshot() const { return map || var || !at.empty(); }
};

struct PayloadBound {
  std::string metric;
  Quantity value;
  static const StructDecl& Decl();
};
struct PayloadRange {
  std::string metric;
  Quantity lo;
  Quantity hi;
  static const StructDecl& Decl();
};
/// One entry of a payload's `checks:`: exactly one of these. Metrics are those of the output, and the two
/// that every payload has (metrics.h): exit_code and duration_ms.
struct PayloadCheck {
  std::optional<std::int32_t> exit_code;
  std::optional<PayloadBound> min;
  std::optional<PayloadBound> max;
  std::optional<PayloadRange> range;
  std::optional<std::string> exists;
  static const StructDecl& Decl();
};

/// `defaults:`; `defaults: off` switches all of them off. The names, docs and default values of the default
/// checks are this declaration's fields.
struct DefaultChecks {
  bool workers_reported = true;
  bool workers_set_up = true;
  bool progress = true;
  bool no_stall = true;
  Duration stall_limit = Seconds(2);
  bool cpuset_isolation = true;
  static const StructDecl& Decl();
};
/// The fields of DefaultChecks that switch a check (all but stall_limit), in the order they are judged.
std::vector<const FieldDecl*> AllDefaultChecks();

// ---- checks in their place ---------------------------------------------------------------------------

struct PlacedCheck {
  std::string path;  // document path
  std::string step;  // the step whose `checks:` it stands in; "" for the scenario's
  MetricCheck check;

  /// The phase it is about: its own `phase`, else the step; nothing is the whole run.
  [[nodiscard]] std::optional<std::string_view> Phase() const;
};
struct PlacedPayloadChecks {
  std::string path;  // of the payload's `checks:` list; entry i is at path/i
  std::string payload;
  bool gate = true;  // false: results are shown but do not count
  std::vector<PayloadCheck> checks;
};
struct CheckList {
  DefaultChecks defaults;
  std::string defaults_path;  // "" when the scenario does not mention them
  std::vector<PlacedCheck> checks;
  std::vector<PlacedPayloadChecks> payloads;
};

/// The names a scenario has, for ResolveChecks.
struct CheckNames {
  struct Payload {
    std::string name;
    std::optional<std::vector<std::string>> metrics;  // KnownMetricNames()
    NamedMap<std::string> units;                      // of the hinted metrics
  };
  std::vector<std::string> phases;  // BASELINE and the steps
  std::vector<std::string> cgroups;
  std::vector<Payload> payloads;
  std::vector<std::string> snapshots;
  std::vector<std::string> reads;
  std::vector<std::string> watches;
};

/// Adds an error for each metric, phase, cgroup or payload metric that does not exist (`unknown-name`, with a
/// suggestion), each bound in a unit that does not fit (`wrong-unit`), and each selector that a metric cannot
/// have (`bad-check`). What the declarations' own rules say is not repeated.
void ResolveChecks(const CheckList& list, const CheckNames& names, Diagnostics& diagnostics);

}  // namespace ktstr
