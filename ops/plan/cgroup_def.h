// A cgroup with its limits and its work, as a step, a backdrop or AddCgroupDef declares it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/wire/messages.h"
#include "ops/plan/cpuset.h"
#include "workloads/work_type.h"

namespace ktstr {

/// CPU bandwidth: `150%` of one CPU, or `{quota: 30ms, period: 20ms}`, or `max`.
struct CpuMax {
  bool unlimited = false;
  Duration quota;                       // CPU time per period; at least 1ms
  Duration period = Milliseconds(100);  // 1ms to 1s
  static const StructDecl& Decl();
};
/// cpu.weight and cpu.max; what is not set is not written.
struct CpuLimits {
  std::optional<std::uint32_t> weight;  // 1 to 10000
  std::optional<CpuMax> max;            // the most CPU time it gets
  static const StructDecl& Decl();
};
/// A size, or `max` for no limit.
struct SizeLimit {
  bool unlimited = false;  // `max`: bytes do not count then
  std::uint64_t bytes = 0;
  static const ScalarDecl& Scalar();
};
/// memory.max, .high, .low and .swap.max; what is not set is not written.
struct MemoryLimits {
  std::optional<SizeLimit> max;       // the hard limit
  std::optional<SizeLimit> high;      // from here on it is throttled
  std::optional<ByteSize> low;        // protected as far as possible
  std::optional<SizeLimit> swap_max;  // needs a kernel with swap
  static const StructDecl& Decl();
};
/// io.weight.
struct IoLimits {
  std::uint32_t weight = 100;  // 1 to 10000
  static const StructDecl& Decl();
};
/// pids.max, threads included.
struct PidsLimits {
  std::uint64_t max = 0;  // at least 1
  static const StructDecl& Decl();
};

enum class AffinityKind : std::uint8_t { kInherit, kLlcAligned, kCrossCgroup, kSingleCpu, kSmtSiblingPair };
inline constexpr EnumValue kAffinityKinds[] = {
    {"inherit", 0, "No mask of their own."},
    {"llc_aligned", 1, "The LLC that overlaps the cgroup's CPUs most, within them."},
    {"cross_cgroup", 2, "All CPUs of the machine; the kernel intersects them with the cpuset."},
    {"single_cpu", 3, "The lowest CPU of the cgroup, the same for every worker."},
    {"smt_sibling_pair", 4, "The first two SMT siblings among the cgroup's CPUs."}};
constexpr EnumDecl DescribeEnum(AffinityKind) { return {"AffinityKind", kAffinityKinds, nullptr, nullptr}; }

/// Each worker draws `count` CPUs out of `from` and the cgroup's own.
struct RandomAffinity {
  std::optional<CpuSet> from;  // none: all of the cgroup's
  std::uint32_t count = 1;     // at least 1
  static const StructDecl& Decl();
};
/// At most one member is set. The short form is a kind's name or a CPU list.
struct Affinity {
  AffinityKind kind = AffinityKind::kInherit;
  std::optional<CpuSet> cpus;
  std::optional<RandomAffinity> random;
  static const StructDecl& Decl();
};
/// A SCHED_DEADLINE reservation, in the kernel's terms.
struct DeadlineParams {
  Duration runtime;   // at least 1024ns, at most the deadline
  Duration deadline;  // at most the period
  Duration period;    // 0: same as deadline
  static const StructDecl& Decl();
};

/// What the kernel is to be told of a policy. A period of 0 is the deadline's.
TaskPolicy PolicyOf(SchedPolicy policy, std::uint32_t rt_priority,
                    const std::optional<DeadlineParams>& deadline);
/// Of structs with the fields `policy` and `deadline`: one is not without the other.
void PolicyRules(SchedPolicy policy, const std::optional<DeadlineParams>& deadline, RuleSink& sink);

/// A group of workers of one work type and how they are set up. Counts and CPUs are still relative to the
/// cgroup; PlanContext makes them concrete.
struct WorkSpec {
  std::optional<std::string> name;  // of the group, within its cgroup
  WorkParams type;
  std::optional<WorkerCount> workers;  // none: one group of the work type
  SchedPolicy policy = SchedPolicy::kNormal;
  std::uint32_t rt_priority = 1;           // 1 to 99; of fifo and rr only
  std::optional<DeadlineParams> deadline;  // there exactly when the policy is deadline
  std::optional<std::int32_t> nice;        // -20 to 19; none: left alone
  Affinity affinity;
  std::optional<std::string> comm;  // 1 to 15 bytes
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  WorkSpec();  // of the first work type
  static const StructDecl& Decl();
};

/// What a cgroup has beside its CPUs; what is not set is left as it is.
struct CgroupLimits {
  std::optional<CpuSet> mems;  // NUMA nodes
  std::optional<CpuLimits> cpu;
  std::optional<MemoryLimits> memory;
  std::optional<IoLimits> io;
  std::optional<PidsLimits> pids;
};
/// The fields of a struct that derives from CgroupLimits.
template <typename S>
inline constexpr std::array<FieldDecl, 5> kLimitFields{
    Optional<&S::mems>("mems", "cpuset.mems: NUMA nodes, as a list."),
    Optional<&S::cpu>("cpu",
                      "Limits of the cpu controller. A cgroup at the top is a group of its own to the "
                      "scheduler with or without it, a nested one only with it."),
    Optional<&S::memory>("memory", "Limits of the memory controller."),
    Optional<&S::io>("io", "Limits of the io controller."),
    Optional<&S::pids>("pids", "Limits of the pids controller."),
};

/// Applied in this order: cpuset, limits, then workers, then the payload.
struct CgroupDef : CgroupLimits {
  std::string name;
  std::optional<CpusetSpec> cpuset;  // none: inherited
  std::vector<WorkSpec> work;
  std::optional<std::string> payload;  // one that is started in the cgroup
  static const StructDecl& Decl();
};

/// The pattern of cgroup names: components of [A-Za-z0-9_.-] joined by '/', none beginning with a dot.
inline constexpr std::string_view kCgroupNamePattern =
    "^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$";
inline constexpr Limits kCgroupName{
    .pattern = kCgroupNamePattern,
    .pattern_doc = "letters, digits, '_', '-' and '.', components joined by '/'; none begins with a dot"};
inline constexpr Limits kPlainName{
    .pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
    .pattern_doc = "letters, digits, '_', '-' and '.', not beginning with '-' or '.'"};

/// The pattern of what snapshots, reads and watches are called.
inline constexpr Limits kTagName{
    .pattern = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$",
    .pattern_doc = "at most 64 letters, digits, '_', '-' and '.', not beginning with '-' or '.'"};

}  // namespace ktstr
