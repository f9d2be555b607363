// What a scenario asks to be watched from outside while it runs: `snapshots:` and `monitor:`.
#pragma once

#include <cstdint>

#include "guest-init/base/decl.h"
#include "guest-init/base/units.h"

namespace ktstr {

/// `snapshots:`
struct SnapshotsSpec {
  std::uint32_t periodic = 0;
  static const StructDecl& Decl();
};

/// `monitor:`, or `monitor: on`. Thresholds must be broken by `sustained` samples in a row.
struct MonitorSpec {
  bool on = true;
  Duration interval = Milliseconds(100);
  double imbalance = 4.0;
  std::uint32_t local_dsq_depth = 50;
  bool rq_clock_stuck = true;
  double fallback_rate = 200;
  double keep_last_rate = 100;
  std::uint32_t sustained = 5;
  bool enforce = true;
  static const StructDecl& Decl();
};

}  // namespace ktstr
