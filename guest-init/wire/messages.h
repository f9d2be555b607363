// What host and guest say to each other. Arguments are resolved: the guest never interprets topology,
// percentages or names of steps. All durations and clocks are guest time (CLOCK_MONOTONIC), in nanoseconds.
//
// A kRequest frame is a u32 request id followed by one of RequestTypes() (codec.h, EncodeAny); the guest
// answers each, in order, with one kReply frame holding a Reply. kEvent frames hold one of EventTypes() and
// may come at any time, always before the Reply of the request that caused them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/base/type_list.h"
#include "guest-init/wire/report.h"

namespace ktstr {

/// The name of the virtio-serial port that carries the frames.
inline constexpr const char* kChannelPortName = "ktstr.channel.0";
/// The serial number of the machine's disk, when it has one: /sys/block/vda/serial in the guest.
inline constexpr const char* kDiskSerial = "ktstr-disk";
/// cgroup names in requests are relative to this directory of the guest; "" is the runner's own cgroup.
inline constexpr const char* kCgroupParent = "/sys/fs/cgroup/ktstr";
/// Payload executables are at kPayloadBin/<name> in the guest; it is also the payloads' PATH.
inline constexpr const char* kPayloadBin = "/payload/bin";

enum class SchedPolicy : std::uint8_t { kNormal, kBatch, kIdle, kFifo, kRr, kDeadline, kExt };
inline constexpr EnumValue kSchedPolicies[] = {{"normal", 0, "SCHED_OTHER: the kernel's default class."},
                                               {"batch", 1, "SCHED_BATCH."},
                                               {"idle", 2, "SCHED_IDLE."},
                                               {"fifo", 3, "SCHED_FIFO with `rt_priority`."},
                                               {"rr", 4, "SCHED_RR with `rt_priority`."},
                                               {"deadline", 5, "SCHED_DEADLINE with `deadline`."},
                                               {"ext", 6, "SCHED_EXT."}};
constexpr EnumDecl DescribeEnum(SchedPolicy) { return {"SchedPolicy", kSchedPolicies, nullptr, nullptr}; }

// ---- requests ----------------------------------------------------------------------------------------

/// Enables controllers for the children of kCgroupParent ("cpu", "cpuset", ...); `nested`: and for all below
/// those, which then hold no processes themselves when they have children.
struct EnableControllers {
  std::vector<std::string> controllers;
  bool nested = true;
  static const StructDecl& Decl();
};
struct CreateCgroup {
  std::string cgroup;
  static const StructDecl& Decl();
};
/// Writes `value` to one cgroup v2 file of `cgroup`.
struct WriteCgroupFile {
  std::string cgroup;
  std::string file;
  std::string value;
  static const StructDecl& Decl();
};
/// Stops what runs in it (reports and payload records are sent as events), then removes the directory.
struct DestroyCgroup {
  std::string cgroup;
  static const StructDecl& Decl();
};
/// Forks a group of workers blocked, places them, then releases them. Answered once all have
/// taken their name, CPUs and policy, or after 100 ms.
struct StartWorkers {
  std::uint32_t group = 0;  // chosen by the host, unique in a run
  std::string cgroup;
  std::uint32_t count = 1;
  std::string work_type;                  // a name out of AllWorkTypes() (workloads/work_type.h)
  std::vector<std::uint8_t> work_params;  // its parameter struct, encoded by codec.h
  std::uint32_t group_idx = 0;            // position of the work entry in its cgroup
  SchedPolicy policy = SchedPolicy::kNormal;
  std::uint32_t rt_priority = 0;
  std::uint64_t dl_runtime_ns = 0;
  std::uint64_t dl_deadline_ns = 0;
  std::uint64_t dl_period_ns = 0;
  std::optional<std::int32_t> nice;
  std::vector<std::uint32_t> affinity;      // empty: inherit
  std::uint32_t affinity_random_count = 0;  // > 0: each worker draws so many CPUs out of `affinity`
  std::string comm;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::uint64_t seed = 0;
  static const StructDecl& Decl();
};
/// Freezes a cgroup with all below it, or thaws it. Answered once the kernel has done so, or with an error
/// after 5 s; a cgroup that could not be frozen in that time is thawed again.
struct SetFrozen {
  std::string cgroup;
  bool frozen = false;
  static const StructDecl& Decl();
};
/// Stops and collects every worker group and kills every payload of a cgroup; the cgroup stays.
struct StopCgroupTasks {
  std::string cgroup;
  static const StructDecl& Decl();
};
/// Stops and collects worker groups by id.
struct StopWorkers {
  std::vector<std::uint32_t> groups;
  static const StructDecl& Decl();
};
/// What shows that a payload is ready for what comes next: exactly one of them.
struct AwaitReadiness {
  std::string file;            // it exists; absolute
  std::string output_pattern;  // found in a line of its output; a regular expression (base/line_pattern.h)
  std::uint64_t timeout_ns = 0;
  static const StructDecl& Decl();
};
/// How long a scheduler may take until the kernel schedules by it.
struct AttachBudget {
  std::uint64_t cpu_ns = 0;   // of the program's own CPU time, so that a slow host fails no sound one
  std::uint64_t wall_ns = 0;  // of all time
  static const StructDecl& Decl();
};
/// What the place of a process id in argv and env begins with; a handle and '}' follow. (In a scenario the
/// payload's name stands where the handle is.)
inline constexpr std::string_view kPidPlaceBegin = "${pid:";
/// In argv and env, `${pid:<handle>}` is the process id of the payload with that handle. Answered once the
/// program runs and, with `ready`, is ready; the payload runs on when it does not become so. With `attach` it
/// is a sched_ext scheduler: answered once the kernel has enabled it, behind a SchedulerLook; one that is not
/// enabled within its budget is killed.
struct StartPayload {
  std::uint32_t handle = 0;  // chosen by the host, unique in a run
  std::string name;
  std::string cgroup;
  std::vector<std::string> argv;  // argv[0] is a name in kPayloadBin
  std::vector<std::string> env;   // NAME=value, beside PATH, HOME, TMPDIR
  bool own_process_group = true;
  bool whole_output = false;  // all output is sent, not only the first kMaxPayloadOutput bytes of each stream
  std::optional<AwaitReadiness> ready;
  std::optional<AttachBudget> attach;
  static const StructDecl& Decl();
};
/// Detaches a scheduler, behind a SchedulerLook: has the kernel disable it, ends its program, and is answered
/// once sched_ext is disabled and the PayloadDone was sent; with an error when that takes over `timeout_ns`.
struct StopScheduler {
  std::uint32_t handle = 0;
  std::uint64_t timeout_ns = 0;
  static const StructDecl& Decl();
};
/// Answered when the payload has ended and its PayloadDone was sent, or with an error at the timeout (the
/// payload is then killed and finalised too).
struct AwaitPayload {
  std::uint32_t handle = 0;
  std::uint64_t timeout_ns = 0;
  static const StructDecl& Decl();
};
struct StopPayload {
  std::uint32_t handle = 0;
  static const StructDecl& Decl();
};
/// Asks whether a payload runs: answered at once, with an error when that is not as expected.
struct PollPayload {
  std::uint32_t handle = 0;
  bool expect_running = true;
  static const StructDecl& Decl();
};
/// Begins a phase, or ends it: from here on the workers' time belongs to it, or to the gap around it.
/// Answered with a PhaseMark in the Reply.
struct MarkPhase {
  std::uint32_t phase = 0;  // 0: BASELINE, 1..N: the steps
  bool end = false;         // the end of the phase: kBetweenPhases begins
  bool opening = false;     // its first Ops are to come: still kBetweenPhases, another mark follows them
  static const StructDecl& Decl();
};
/// Answers after `duration_ns`; counted from the last SetHoldMark when `from_mark`.
struct Hold {
  std::uint64_t duration_ns = 0;
  bool from_mark = false;
  static const StructDecl& Decl();
};
struct SetHoldMark {
  static const StructDecl& Decl();
};
inline constexpr const char* kGivenUp = "given up: the run ends";
/// The end: kills payloads never waited for (with a Warning each), collects all workers, then powers off
/// after the Reply has been sent. `at_once`: it overtakes the requests before it that are not answered yet;
/// they are answered, in their order, with the error kGivenUp.
struct Finish {
  bool at_once = false;
  static const StructDecl& Decl();
};
/// From here on a refused request is the last one that is tried: those behind it, up to Finish, are answered
/// with kNotTried. So the host can hand over a whole program at once.
struct Program {
  static const StructDecl& Decl();
};
inline constexpr const char* kNotTried = "not tried: an earlier request was refused";
/// Puts `content` into a file of the guest, with its missing directories; `append`: at its end, for files
/// that do not fit into one frame.
struct PutFile {
  std::string path;  // absolute
  std::uint32_t mode = 0755;
  bool append = false;
  std::string content;
  static const StructDecl& Decl();
};
/// Sends what a file of the guest holds as FileContent events; also of those that the kernel makes up (/proc,
/// /sys).
struct ReadFile {
  std::string path;  // absolute
  static const StructDecl& Decl();
};
/// Holds a BPF map to the end of the run, so that it outlives its makers.
struct PinMap {
  std::string name;  // its first 15 characters count
  static const StructDecl& Decl();
};
/// Pauses the whole machine, right at this instruction, through a device that only machines with the virtual
/// clock have; the host lets it go on, and then comes the Reply. So the host can act at a moment of the
/// guest's time.
struct PauseMachine {
  static const StructDecl& Decl();
};
/// What distinguishes one clone of a saved guest from the next.
struct SetIdentity {
  std::int64_t wall_ns = 0;  // CLOCK_REALTIME; 0: as it is
  std::string entropy;       // mixed into the kernel's random pool and credited
  static const StructDecl& Decl();
};
/// Ends the conversation, before this guest is saved. After the Reply nothing is sent until the next host
/// (of a clone, with sequence numbers from 0) has sent something; then Ready comes first.
struct Park {
  static const StructDecl& Decl();
};
/// Does nothing; for round-trip measurements.
struct Ping {
  static const StructDecl& Decl();
};

// ---- reply and events --------------------------------------------------------------------------------

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
    {"killed", 1, "KillPayload ended it."},
    {"timed_out", 2, "It was still running when its wait timed out, and was killed."},
    {"collected", 3, "It was still running at the end of its step or of the run, and was killed."}};
constexpr EnumDecl DescribeEnum(PayloadEnd) { return {"PayloadEnd", kPayloadEnds, nullptr, nullptr}; }
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

// ---- the lists ---------------------------------------------------------------------------------------

/// Every request. The codec's table and the guest's dispatch come from this list: a new request is its struct
/// with its declaration, a name here, and its handler in guest-init/requests.cpp.
using Requests = TypeList<EnableControllers, CreateCgroup, WriteCgroupFile, SetFrozen, DestroyCgroup,
                          StartWorkers, StopCgroupTasks, StopWorkers, StartPayload, StopScheduler,
                          AwaitPayload, StopPayload, PollPayload, MarkPhase, Hold, SetHoldMark, Finish,
                          Program, PutFile, ReadFile, PinMap, PauseMachine, SetIdentity, Park, Ping>;
/// Every event.
using Events = TypeList<Ready, WorkerDone, PayloadOutput, PayloadDone, SchedulerLook, SchedulerDump,
                        FileContent, KernelMessages, Warning, ChannelFault>;

std::span<const StructDecl* const> RequestTypes();
std::span<const StructDecl* const> EventTypes();
/// The hash of every declaration that crosses the wire; `work_types` are the parameter structs of all work
/// types.
std::uint64_t WireHash(std::span<const StructDecl* const> work_types);

}  // namespace ktstr
