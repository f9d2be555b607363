// From a scenario to concrete runs: its variants, and for each the exact list of guest requests. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/fold/stats.h"
#include "interpreter/scenario/scenario.h"
#include "ops/plan/diagnostics.h"
#include "ops/plan/plan_context.h"

namespace ktstr {

/// One combination of the matrix; a scenario without a matrix has one, with an empty name.
struct RunVariant {
  std::string name;  // the values of the axes in use, joined by ',': "1n2l2c1t,virtual"
  TopologySpec topology;
  MemorySpec memory;
  Clock clock = Clock::kWall;
  std::string scheduler = std::string(kEevdf);
  std::string scheduler_path = "scheduler";  // document path of that name
};

/// In the order of the axes as declared (topology outermost), less the excluded ones.
std::vector<RunVariant> Variants(const Scenario& scenario);
/// What a word that names a value of an axis is called in RunVariant::name: a topology may be a preset's
/// name.
std::string AxisValue(std::string_view word);
/// RunVariant::name of a combination.
std::string VariantName(const Matrix& matrix, const RunVariant& variant);
/// The scenario with the variant's values in place of its matrix.
Scenario OnlyVariant(Scenario scenario, const RunVariant& variant);

/// One of the snapshots of `snapshots: {periodic: N}`; run by the host, between two parts of a hold.
struct PeriodicCapture {
  std::uint32_t index = 0;
  std::uint64_t boundary_ns = 0;  // on the hold timeline (periodic.h)
  static const StructDecl& Decl();
};

/// The monitor of `monitor:` begins; run by the host.
struct StartMonitor {
  static const StructDecl& Decl();
};

struct PlannedPhase {
  std::uint32_t index = 0;
  std::string name;
};

/// Everything that one run does and is judged by. Made once, when its scenario is loaded, and the same for
/// all who read it: admission, `plan.txt`, `--dry-run`, the run and the judge. Immutable from then on; any
/// thread.
struct RunPlan {
  std::string variant;  // RunVariant::name
  Scenario scenario;  // as it is run: with the values of the command line, and of the variant in place of its
                      // matrix
  CheckList checks;   // of `scenario`, resolved
  std::vector<std::string> compared_with;  // other variants, by `vs_variant` of its checks
  std::vector<PlannedPhase> phases;        // BASELINE and the steps
  std::vector<PlannedRequest> requests;
  std::vector<GroupState> groups;      // index == group id
  std::vector<PayloadState> payloads;  // index == handle; schedulers are among them
  Duration holds;                      // the guest time the holds take together
  std::vector<TagState> snapshots;     // by name, without the periodic ones
  std::uint64_t snapshot_count = 0;    // these, and those of watches as far as their number is known
  std::vector<TagState> reads;
  std::vector<TagState> watches;
  std::vector<TagState> procs;
  std::vector<TagState> files;        // of the guest, that were read
  std::vector<NeededSymbol> symbols;  // of the kernel
  std::optional<Place> disk;          // where the machine is first asked for one; nothing: it gets none
  std::optional<Place> nics;          // the same of its network cards
  bool probed = false;                // the probe is among its payloads (probe_plan.h)
};

/// The scheduler that the command line puts under every scenario that names none.
struct SchedulerOverride {
  std::string text;  // as it was written
  std::string name;  // in the scenario; kEevdf: the kernel's own, and `def` says nothing
  SchedulerDef def;
};

/// What the command line says in place of the file.
struct Overrides {
  std::optional<Duration> timeout;
  std::optional<Clock> clock;  // where the matrix has an axis of clocks it chooses among them instead
  std::optional<std::uint64_t> seed;
  std::optional<SchedulerOverride> scheduler = {};  // of scenarios that name none
};

/// The scenario as it is to be checked and run; shipped definitions stand in the place of their names.
Scenario WithOverrides(Scenario scenario, const Overrides& overrides);

/// The plan of one variant, without its checks being resolved: the first half of PlanRuns. Its diagnostics
/// are added to `diagnostics`; `broken` is what could not be read of the scenario, if anything.
RunPlan MakePlan(const Scenario& scenario, const RunVariant& variant, Diagnostics& diagnostics,
                 const BrokenPlaces* broken = nullptr);

using RunPlans = std::vector<std::shared_ptr<const RunPlan>>;

/// Plans every variant and finds everything that can be found before a run: names, lifetimes, cpusets,
/// checks, deadlines. Returns the plans in the order of Variants(); they are not to be run when a diagnostic
/// was found. `overrides` are those that `scenario` has already; a diagnostic that comes from one has a note
/// which says so. REQUIRES: `scenario` was decoded without diagnostics.
RunPlans PlanRuns(const Scenario& scenario, const Overrides& overrides, Diagnostics& diagnostics);

/// The same for a scenario that could only be decoded in part, so that one pass shows everything: all
/// diagnostics but those in a place that is broken and those that only follow from one. `broken` is what the
/// decoder noted; its own complaints are in `diagnostics` already.
void CheckPartlyDecoded(Scenario scenario, const BrokenPlaces& broken, const Overrides& overrides,
                        Diagnostics& diagnostics);

/// The effective name of step `index`: its own, or "step<index + 1>".
std::string StepName(const Scenario& scenario, std::size_t index);

}  // namespace ktstr
