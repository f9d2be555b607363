// What became of the sched_ext schedulers of a run: from what the kernel's log says of them, what its state
// was at the moments that matter, and how their programs ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/wire/messages.h"

namespace ktstr {

enum class SchedulerEnd : std::uint8_t {
  kDetached,
  kError,
  kStall,
  kExit,
  kKernel,
  kSysrq,
  kProgramKilled,
  kProgramExited,
  kUnregistered,
  kUnknown
};
inline constexpr EnumValue kSchedulerEnds[] = {
    {"detached", 0, "The scenario detached it, or it stayed to the end of the run."},
    {"error", 1, "The kernel ejected it for an error: a bad call, or scx_bpf_error() by its own BPF code."},
    {"stall", 2, "The kernel's watchdog ejected it: a task was runnable for too long and did not run."},
    {"exit", 3, "Its BPF code asked for its end by scx_bpf_exit()."},
    {"kernel", 4, "The kernel unregistered it, as when CPUs come or go."},
    {"sysrq", 5, "Someone else than the scenario wrote S to /proc/sysrq-trigger."},
    {"program_killed", 6, "A signal ended its program: it crashed, or was killed."},
    {"program_exited", 7, "Its program exited by itself."},
    {"unregistered", 8, "Its program unregistered it and ran on."},
    {"unknown", 9, "The kernel had disabled it, and its log does not say why."}};
constexpr EnumDecl DescribeEnum(SchedulerEnd) { return {"SchedulerEnd", kSchedulerEnds, nullptr, nullptr}; }

/// One scheduler from its attach on. Those that never were attached have none: their Op failed.
struct SchedulerRecord {
  std::uint32_t handle = 0;
  std::string name;  // the scenario's
  std::string ops;   // its own; empty when it was gone before anybody looked
  std::uint32_t phase = 0;
  std::uint64_t attached_ns = 0;
  SchedulerEnd end = SchedulerEnd::kDetached;
  std::string reason;              // the kernel's word for its end: "runnable task stall"
  std::string message;             // what the kernel or its own code said of it
  std::vector<std::string> stack;  // of the kernel, where it was ejected
  std::uint64_t ended_ns = 0;      // 0: not before it was detached; of the kernel log's clock
  std::uint32_t end_phase = 0;
  bool after_phase = false;            // that phase had ended and no other had begun
  std::optional<PayloadDone> program;  // how that ended
  std::string stderr_end;              // of the program
  static const StructDecl& Decl();
};

/// A task that was runnable under sched_ext when the kernel dumped its state.
struct QueuedTask {
  std::uint32_t phase = 0;  // the last one that had begun
  std::int32_t pid = 0;
  std::uint32_t cpu = 0;        // whose run queue it was on
  std::uint64_t waited_ms = 0;  // since it became runnable
  std::optional<std::uint64_t>
      dsq;  // the dispatch queue it was in; nothing: the scheduler's own code held it
  static const StructDecl& Decl();
};

/// "its own code held it, in no dispatch queue", "it was in the local dispatch queue of CPU 1", "it was in
/// its dispatch queue 0x7".
std::string WhereItWaited(const QueuedTask& task);

/// "runnable task stall: worker[68] failed to run for 3.052s", "its program was killed by SIGSEGV".
std::string HowSchedulerEnded(const SchedulerRecord& record);

}  // namespace ktstr
