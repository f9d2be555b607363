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
#include "guest-init/wire/events.h"

namespace ktstr {

/// The name of the virtio-serial port that carries the frames.
inline constexpr const char* kChannelPortName = "ktstr.channel.0";
/// The serial number of the machine's disk, when it has one: /sys/block/vda/serial in the guest.
inline constexpr const char* kDiskSerial = "ktstr-disk";
/// The addresses of the machine's two network cards, when it has them. Frames go from the first to the
/// second.
inline constexpr const char* kNicAddresses[] = {"02:6b:74:73:74:01", "02:6b:74:73:74:02"};
inline constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
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
/// Moves the workers of the groups into another cgroup, with what they have forked, and cuts their lives just
/// before. Answered with a PhaseMark: slices that begin after its clock_ns are lived in the new cgroup.
struct MoveWorkers {
  std::vector<std::uint32_t> groups;
  std::string cgroup;
  static const StructDecl& Decl();
};
/// The CPUs that a task is bound to.
struct TaskCpus {
  std::vector<std::uint32_t> cpus;
  std::uint32_t random_count = 0;  // > 0: each worker draws so many out of `cpus`
  std::uint64_t seed = 0;
  static const StructDecl& Decl();
};
struct TaskPolicy {
  SchedPolicy policy = SchedPolicy::kNormal;
  std::uint32_t rt_priority = 0;  // of fifo and rr
  // Of deadline.
  std::uint64_t dl_runtime_ns = 0;
  std::uint64_t dl_deadline_ns = 0;
  std::uint64_t dl_period_ns = 0;
  static const StructDecl& Decl();
};
/// Changes how the workers of the groups are scheduled, all their threads; what is absent is left alone.
/// Workers that have ended are passed over.
struct AdjustWorkers {
  std::vector<std::uint32_t> groups;
  std::optional<TaskCpus> cpus;
  std::optional<TaskPolicy> policy;
  std::optional<std::int32_t> nice;
  static const StructDecl& Decl();
};
/// Sends a signal to the process groups of workers, or to a payload. SIGSTOP and SIGCONT of workers are in
/// their accounts as a freeze is.
struct SignalTasks {
  std::vector<std::uint32_t> groups;
  std::optional<std::uint32_t> payload;  // its handle
  std::int32_t signal = 0;
  static const StructDecl& Decl();
};
/// Writes to a file that is there. `save`: what it held is kept under this number, for PutBackFile.
struct WriteGuestFile {
  std::string path;  // absolute
  std::string value;
  std::int32_t expected_errno = 0;  // the write has to fail so; 0: it has to succeed
  std::optional<std::uint32_t> save;
  static const StructDecl& Decl();
};
/// Writes back what a WriteGuestFile has kept. Where the kernel shows a choice ("a [b] c"), that choice.
struct PutBackFile {
  std::uint32_t saved = 0;
  static const StructDecl& Decl();
};
/// Answers once a file fulfils what is asked of it, however often it has to be looked at; after `timeout_ns`
/// of guest time with an error that is the scenario's affair.
struct AwaitFile {
  std::string path;                 // absolute
  std::string pattern;              // in one of its lines; "": any
  std::string key;                  // the bounds are of the number behind it, or of the first word for ""
  std::optional<std::int64_t> min;  // inclusive
  std::optional<std::int64_t> max;
  std::uint64_t timeout_ns = 0;
  static const StructDecl& Decl();
};
/// Takes a CPU offline, or brings it back.
struct SetCpuOnline {
  std::uint32_t cpu = 0;
  bool online = false;
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
struct KernelFileWrite {
  std::string file, value;
  static const StructDecl& Decl();
};
/// Attaches a scheduler that the kernel has built in, or detaches it, by these writes in their order, up to
/// the first that the kernel refuses. REQUIRES: no sched_ext scheduler is attached.
struct SwitchBuiltIn {
  std::string name;
  bool attach = true;
  std::vector<KernelFileWrite> writes;
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

// ---- the lists ---------------------------------------------------------------------------------------

/// Every request. The codec's table and the guest's dispatch come from this list: a new request is its struct
/// with its declaration, a name here, and its handler in guest-init/requests.cpp.
using Requests = TypeList<EnableControllers, CreateCgroup, WriteCgroupFile, SetFrozen, DestroyCgroup,
                          StartWorkers, StopCgroupTasks, StopWorkers, MoveWorkers, AdjustWorkers, SignalTasks,
                          WriteGuestFile, PutBackFile, AwaitFile, SetCpuOnline, StartPayload, StopScheduler,
                          SwitchBuiltIn, AwaitPayload, StopPayload, PollPayload, MarkPhase, Hold, SetHoldMark,
                          Finish, Program, PutFile, ReadFile, PinMap, PauseMachine, SetIdentity, Park, Ping>;
/// Every event.
using Events = TypeList<Ready, CgroupFigures, WorkerDone, PayloadOutput, PayloadDone, SchedulerLook,
                        SchedulerDump, FileContent, KernelMessages, Warning, ChannelFault>;

std::span<const StructDecl* const> RequestTypes();
std::span<const StructDecl* const> EventTypes();
/// Of every declaration that crosses the wire; `work_types` are the parameter structs of all work types.
std::uint64_t WireHash(std::span<const StructDecl* const> work_types);

}  // namespace ktstr
