// Pipes and event descriptors of worker groups. Made by PID 1 before it forks, so that all workers inherit
// the same ones: a number that one process has opened means nothing in another.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "workloads/work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr::guest {

/// Both ends are closed by exec.
struct OwnedPipe {
  Fd read_end;
  Fd write_end;
};
Result<OwnedPipe> MakePipe();

/// What the members of a group share; closed with this, which the workers' copies survive.
class WorkerChannels {
 public:
  /// One for each of `count` workers, or none at all for kNone.
  static Result<WorkerChannels> Make(GroupChannel channel, std::uint32_t count);

  /// By worker. Valid as long as this lives.
  [[nodiscard]] std::span<const PipeEnds> ends() const { return ends_; }

 private:
  std::vector<OwnedPipe> owned_;  // an event descriptor is a read end
  std::vector<PipeEnds> ends_;
};

}  // namespace ktstr::guest
