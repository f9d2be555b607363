// What sched_ext dumps of CPUs and tasks. The kernel writes it for the scheduler's own program, which may
// show it or not, and to a tracepoint, from which it is read here.
#pragma once

#include <cstdint>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

class SchedExtDump {
 public:
  /// A worker that waits for longer than this under a scheduler is worth a dump.
  static constexpr std::uint64_t kLongWaitNs = 1'000'000'000;

  /// From now on dumps are kept, in a trace buffer of their own, made in `traces`. A kernel without the
  /// tracepoint has none; that is no error. Once is enough.
  void Begin(const std::string& traces);
  /// Has the kernel make a dump of now. REQUIRES: a scheduler is attached, else the kernel makes none.
  void Trigger(const std::string& sysrq);
  /// What was dumped since the last call, at most kMaxDumps; empty when there is nothing.
  SchedulerDump Take();

 private:
  static constexpr std::size_t kMaxDumps = std::size_t{1} << 20;

  bool begun_ = false;
  Fd pipe_;  // of the trace buffer
};

}  // namespace ktstr::guest
