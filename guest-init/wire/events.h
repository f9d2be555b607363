// What the guest says: the Reply to each request, and the events. Part of messages.h, where the requests are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/wire/cgroup_figures.h"
#include "guest-init/wire/report.h"

namespace ktstr {

struct PhaseMark {
  std::uint64_t clock_ns = 0;
  std::uint64_t total_iterations = 0;  // over all workers so far, live and collected
  std::uint32_t live_workers = 0;
  static const StructDecl& Decl();
};
struct Reply {
  std::uint32_t request_id = 0;
  std::uint64_t clock_ns = 0;  // when the request was finished
  std::string error;           // empty: success; else one line that names the cause
  bool of_payload = false;     // the error is what a payload did: the scenario's affair, not the machinery's
  std::optional<PhaseMark> mark;
  std::optional<std::int32_t> pid;  // of the payload that was started or asked about, in the guest
  static const StructDecl& Decl();
};

/// Sent once a conversation, first of all.
struct Ready {
  std::uint64_t decl_hash = 0;  // must equal the host's WireHash()
  std::string kernel_release;
  std::uint32_t online_cpus = 0;
  std::string boot_id;  // made once a boot: the clones of a template all have its
  std::uint64_t clock_ns = 0;
  std::string sched_ext_state;           // /sys/kernel/sched_ext/state, or empty when the kernel has none
  std::vector<std::string> controllers;  // cgroup.controllers of the root
  std::uint64_t kernel_text = 0;         // the running kernel's address of _text; 0: unknown
  std::string kernel_build_id;           // hex; empty: the kernel has none
  static const StructDecl& Decl();
};
struct WorkerDone {
  std::uint32_t group = 0;
  std::string cgroup;
  WorkerReport report;
  static const StructDecl& Decl();
};
enum class Stream : std::uint8_t { kStdout, kStderr };
inline constexpr EnumValue kStreams[] = {{"stdout", 0, ""}, {"stderr", 1, ""}};
constexpr EnumDecl DescribeEnum(Stream) { return {"Stream", kStreams, nullptr, nullptr}; }
/// Output as it comes; unless all of it is asked for, at most kMaxPayloadOutput bytes a stream are sent, the
/// rest is drained and counted.
struct PayloadOutput {
  std::uint32_t handle = 0;
  Stream stream = Stream::kStdout;
  std::string bytes;
  static const StructDecl& Decl();
};
inline constexpr std::uint64_t kMaxPayloadOutput = std::uint64_t{16} << 20;

enum class PayloadEnd : std::uint8_t { kExited, kKilled, kTimedOut, kCollected };
inline constexpr EnumValue kPayloadEnds[] = {
    {"exited", 0, "It ended by itself."},
    {"killed", 1, "KillPayload or SendSignal ended it."},
    {"timed_out", 2, "It was still running when its wait timed out, and was killed."},
    {"collected", 3, "It was still running at the end of its step or of the run, and was killed."}};
constexpr EnumDecl DescribeEnum(PayloadEnd) { return {"PayloadEnd", kPayloadEnds, nullptr, nullptr}; }
/// A time for which a task was runnable and did not run, as PID 1 saw it: the true one is not shorter.
struct TaskWait {
  std::int32_t tid = 0;
  std::string comm;
  std::uint32_t cpu = 0;    // on whose run queue it waited
  std::uint32_t phase = 0;  // at its end
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint64_t throttled_ns = 0;        // of it: cpu.max held its cgroup back
  std::uint64_t machine_stopped_ns = 0;  // of it: nothing at all ran in the guest
  static const StructDecl& Decl();
};
/// One a payload, in the order of finalisation; all its output has been sent before.
struct PayloadDone {
  std::uint32_t handle = 0;
  std::uint32_t payload_index = 0;  // counts finalisations from 0
  std::int32_t pid = 0;             // in the guest
  PayloadEnd end =
      PayloadEnd::kExited;      // why it was finalised: by itself, KillPayload, a timeout, the run's end
  std::int32_t exit_code = -1;  // -1 when a signal ended it
  std::int32_t signal = 0;
  std::uint64_t started_ns = 0;
  std::uint64_t ended_ns = 0;
  std::uint64_t stdout_bytes = 0;  // all that was written, sent or not
  std::uint64_t stderr_bytes = 0;
  std::optional<TaskWait> longest_wait;  // of one of its tasks; none under half a second
  static const StructDecl& Decl();
};
enum class SchedulerMoment : std::uint8_t { kAttached, kStopping };
inline constexpr EnumValue kSchedulerMoments[] = {
    {"attached", 0, "The kernel has enabled it."},
    {"stopping", 1, "Before PID 1 detaches it, or kills it with all else at the end."}};
constexpr EnumDecl DescribeEnum(SchedulerMoment) {
  return {"SchedulerMoment", kSchedulerMoments, nullptr, nullptr};
}
/// What the kernel says of its sched_ext scheduler at a moment that matters to one of ours. What the kernel's
/// log said before has been sent before.
struct SchedulerLook {
  std::uint32_t handle = 0;  // of the payload that is the scheduler
  SchedulerMoment moment = SchedulerMoment::kAttached;
  std::string state;           // /sys/kernel/sched_ext/state: "enabled", "disabled", ...
  std::string ops;             // root/ops: the name that the scheduler gave itself; empty when there is none
  std::uint64_t attached = 0;  // enable_seq: how many have been attached since boot
  std::uint64_t clock_ns = 0;
  static const StructDecl& Decl();
};
inline constexpr std::size_t kMaxSchedulerDump = std::size_t{64} << 10;
/// What sched_ext dumped of CPUs and tasks, by itself when it ejected a scheduler or because PID 1 asked for
/// it (a worker waited for long under one): whole lines, in pieces of at most kMaxSchedulerDump bytes.
struct SchedulerDump {
  std::string text;
  bool cut = false;  // the guest could not keep all of it
  static const StructDecl& Decl();
};
inline constexpr std::size_t kMaxFileContent = std::size_t{1} << 20;
/// A piece of what ReadFile asked for; they come in order, without gaps.
struct FileContent {
  std::string path;
  std::uint64_t offset = 0;
  std::string bytes;  // at most kMaxFileContent
  bool last = false;  // the file ends with it; such a piece may be empty
  static const StructDecl& Decl();
};
/// One message of the kernel's log.
struct KernelMessage {
  std::uint64_t sequence = 0;
  std::uint64_t at_us = 0;     // the log's own clock, microseconds since boot
  std::uint32_t priority = 0;  // level (0 to 7, 4: warning) + 8 * facility (0: the kernel itself)
  std::string text;            // one line; what is not printable stands as \xNN
  static const StructDecl& Decl();
};
/// Messages of the kernel's log as they come; before the Reply to a MarkPhase or to Finish, all that there
/// are.
struct KernelMessages {
  bool early = false;                  // they are from before the Program
  std::uint64_t lost = 0;              // so many were overwritten before they could be read
  std::optional<std::uint64_t> taint;  // /proc/sys/kernel/tainted, after the last of them; not in all events
  std::string fault;                   // why the log cannot be read; "" when it can
  std::vector<KernelMessage> messages;
  static const StructDecl& Decl();
};
/// Something the author should know; `text` is one line.
struct Warning {
  std::string text;
  static const StructDecl& Decl();
};
/// The guest could not read a frame; nothing more will be answered.
struct ChannelFault {
  std::string text;
  static const StructDecl& Decl();
};

}  // namespace ktstr
