// What the copies of a SnapshotBridge share; for its own source files only.
#pragma once

#include <deque>
#include <mutex>

#include "ops/host/snapshot_bridge.h"

namespace ktstr {

struct SnapshotBridge::State {
  // wiring: written before the bridge is shared, read without the lock afterwards
  CaptureCallback capture;
  WatchCallback register_watch;
  KernelOpCallback kernel_op;
  WarningSink warn;
  std::shared_ptr<AccessorState> accessor;
  std::size_t max_watches = kDefaultMaxWatches;

  std::mutex mutex;  // of all below; no callback is called under it
  SnapshotStore store;
  std::deque<SnapshotEvent> events;
  std::uint64_t events_dropped = 0;  // since the last drain of events
  std::size_t watches = 0;
  std::vector<TaggedKernelOp> kernel_ops;
  std::vector<CgroupProcs> cgroup_procs;
};

}  // namespace ktstr
