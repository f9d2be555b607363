// What a scenario asks to be watched from outside while it runs: `snapshots:` and `monitor:`.
#pragma once

#include <cstdint>

#include "guest-init/base/decl.h"
#include "guest-init/base/units.h"

namespace ktstr {

/// `snapshots:`, those that no Op asks for.
struct SnapshotsSpec {
  std::uint32_t periodic = 0;  // 0 to 64, spread evenly over the middle 80 % of the holds
  static const StructDecl& Decl();
};

/// `monitor:`, or `monitor: on`. Thresholds must be broken by `sustained` samples in a row.
struct MonitorSpec {
  bool on = true;
  Duration interval = Milliseconds(100);  // between two samples; host time, at least 10ms
  double imbalance = 4.0;              // the longest run queue over the shortest, which counts as at least 1
  std::uint32_t local_dsq_depth = 50;  // tasks
  bool rq_clock_stuck = true;
  double fallback_rate = 200;   // per second
  double keep_last_rate = 100;  // per second
  std::uint32_t sustained = 5;  // 1 to 1000
  bool enforce = true;          // false: a broken threshold is only reported
  static const StructDecl& Decl();
};

}  // namespace ktstr
