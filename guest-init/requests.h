// What each request of the host does: the dispatch over the list of requests (wire/messages.h).
#pragma once

#include <functional>
#include <optional>

#include "guest-init/base/result.h"
#include "guest-init/bpf_pins.h"
#include "guest-init/cgroup_ledger.h"
#include "guest-init/cgroup_tree.h"
#include "guest-init/kernel_log.h"
#include "guest-init/sched_ext.h"
#include "guest-init/sched_ext_dump.h"
#include "guest-init/tasks.h"
#include "guest-init/wire/messages.h"
#include "guest-init/written_files.h"

namespace ktstr::guest {

/// What requests act on; lives as long as PID 1 serves.
struct GuestState {
  /// Where the conversation goes once the request has been answered.
  enum class Then { kNextRequest, kProgram, kPark, kEnd };

  /// `loop` outlives it.
  GuestState(EventLoop& loop, CgroupTree cgroups, std::string payload_bin, const std::string& kmsg,
             const std::string& tainted, SchedExt sched_ext_files, const SendEvent& send_event)
      : tree(std::move(cgroups)),
        ledger(tree),
        tasks(loop, tree, std::move(payload_bin), send_event),
        send(send_event),
        log(loop, kmsg, tainted,
            [this](KernelMessages messages) { send(AnyStruct::Of(std::move(messages))); }),
        sched_ext(std::move(sched_ext_files)) {}
  GuestState(const GuestState&) = delete;

  CgroupTree tree;
  CgroupLedger ledger;  // of the cgroups that requests make
  Tasks tasks;
  SendEvent send;
  KernelLog log;
  SchedExt sched_ext;                     // where the kernel's files are
  std::optional<std::uint32_t> attached;  // handle of the scheduler that was and that nobody has stopped yet
  SchedExtDump dump;                      // of the scheduler that is attached
  std::uint32_t newest_map = 0;           // before the scheduler that is attached
  BpfPins pins;                           // to the end of the run
  WrittenFiles files;                     // that the scenario has written to
  std::uint64_t hold_mark_ns = 0;
  /// The host does not take what we have: a request that makes more of it waits.
  bool pressed = false;

  // Of the request under way; taken by the one who answers it.
  std::optional<PhaseMark> mark;
  std::optional<std::int32_t> pid;
  bool of_payload = false;  // its error is what a payload did
  Then then = Then::kNextRequest;
};

/// Advances a request: nullopt while it waits; `wake_ns` is lowered to when it wants to be looked at again.
/// Copyable, and valid as long as the state that it was made for.
using Step = std::function<std::optional<Result<>>(std::uint64_t now_ns, std::uint64_t& wake_ns)>;

/// Begins a request and returns the step that carries it to its end.
Step BeginRequest(GuestState& guest, const AnyStruct& request);

}  // namespace ktstr::guest
