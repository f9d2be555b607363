// The worker's side of a worker group: what a forked child does from its birth to its report.
#pragma once

#include <span>
#include <vector>

#include "guest-init/wire/messages.h"
#include "workloads/work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr::guest {

/// What the children of one group are made of.
struct WorkerSpawn {
  const StartWorkers& request;
  const WorkTypeDecl& type;
  const void* params;  // of `type`
  const GroupMemory& memory;
  std::span<const PipeEnds> pipes;  // one per worker when the type has a channel, else empty
  int set_up_fd = -1;               // an eventfd, written to by the worker that is set up last
  int disk_fd = -1;                 // the machine's disk when the type needs one, else -1
  std::string_view storage;         // what that disk is; empty without one
  NicPair nics = {};                // the machine's network cards when the type needs them
  std::string_view network = {};    // what they are; empty without
};

/// Waits for the release, prepares itself, runs the loop until the group is asked to stop, writes its report
/// record to `report_fd`. Called in the child, right after the fork.
[[noreturn]] void RunWorker(const WorkerSpawn& spawn, std::uint32_t index, int report_fd);

/// The CPUs that worker `index` draws: `count` different ones out of `pool`, ascending. The same seed gives
/// the same draw.
std::vector<std::uint32_t> DrawCpus(std::vector<std::uint32_t> pool, std::uint32_t count, std::uint64_t seed,
                                    std::uint32_t index);

}  // namespace ktstr::guest
