// From a scenario to concrete runs: its variants, and for each the exact list of guest requests. Pure.
#pragma once

#include <string>
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
};

/// In the order of the axes as declared (topology outermost), less the excluded ones.
std::vector<RunVariant> Variants(const Scenario& scenario);

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
  std::uint32_t epoch = 0;
  std::string name;
};

struct RunPlan {
  RunVariant variant;
  std::vector<PlannedPhase> phases;  // BASELINE and the steps
  std::vector<PlannedRequest> requests;
  std::vector<GroupState> groups;      // index == group id
  std::vector<PayloadState> payloads;  // index == handle
  Duration holds;                      // the guest time the holds take together
  std::vector<TagState> snapshots;     // by name, without the periodic ones
  std::vector<TagState> reads;
  std::vector<TagState> watches;
  std::vector<NeededSymbol> symbols;  // of the kernel
};

/// The plan of one variant; its faults are added to `diagnostics` (then the plan is not to be run).
RunPlan MakePlan(const Scenario& scenario, const RunVariant& variant, Diagnostics& diagnostics);

/// The checks of a scenario with their document paths.
CheckList CollectChecks(const Scenario& scenario);

/// Everything that can be found before a run: names, lifetimes, cpusets on every variant, checks, deadlines.
/// REQUIRES: `scenario` was decoded without faults.
void CheckScenario(const Scenario& scenario, Diagnostics& diagnostics);

/// The same for a scenario that could only be decoded in part: what `decoding` found is not said again in
/// other words. Faults at or around a place it complained of are left out, and so are faults of names where a
/// broken part may have been meant to make them. The rest is added, so that one pass shows everything.
void CheckPartlyDecoded(const Scenario& scenario, Diagnostics& decoding);

/// The effective name of step `index`: its own, or "step<index + 1>".
std::string StepName(const Scenario& scenario, std::size_t index);

}  // namespace ktstr
