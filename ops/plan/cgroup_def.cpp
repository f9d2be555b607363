#include "ops/plan/cgroup_def.h"

#include <algorithm>

namespace ktstr {
namespace {

// ---- cpu.max
std::string ParseCpuMax(std::string_view text, void* object) {
  auto& max = *static_cast<CpuMax*>(object);
  if (text == "max") {
    max.unlimited = true;
    return {};
  }
  Percent percent;
  std::string fault = Percent::Scalar().parse(text, &percent);
  if (!fault.empty()) return "'" + std::string(text) + "' is neither a share of one CPU (150%) nor max";
  if (percent.fraction <= 0) return "the share must be more than 0%";
  max.quota.ns = static_cast<std::int64_t>(percent.fraction * static_cast<double>(max.period.ns) + 0.5);
  return {};
}
std::string PrintCpuMax(const void* object) {
  return static_cast<const CpuMax*>(object)->unlimited ? "max" : std::string();
}

void CpuMaxRules(const void* object, RuleSink& sink) {
  const auto& max = *static_cast<const CpuMax*>(object);
  if (max.unlimited) return;
  if (max.quota < Milliseconds(1)) sink.Diagnose("quota", "the kernel wants a quota of at least 1ms");
  if (max.period < Milliseconds(1) || max.period > Seconds(1))
    sink.Diagnose("period", "the kernel wants a period from 1ms to 1s");
}

// ---- memory limits
std::string ParseSizeLimit(std::string_view text, void* out) {
  auto& limit = *static_cast<SizeLimit*>(out);
  limit.unlimited = text == "max";
  if (limit.unlimited) return {};
  ByteSize size;
  std::string fault = ByteSize::Scalar().parse(text, &size);
  limit.bytes = size.bytes;
  return fault;
}
constexpr ScalarDecl kSizeLimit{"SizeLimit",
                                "Bytes with a unit, or max for no limit.",
                                "^(max|[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB)?)$",
                                "64MiB, max",
                                true,
                                &ParseSizeLimit,
                                [](const void* v) {
                                  const auto& limit = *static_cast<const SizeLimit*>(v);
                                  return limit.unlimited ? std::string("max") : FormatSize({limit.bytes});
                                }};

// ---- affinity
std::string ParseAffinity(std::string_view text, void* object) {
  auto& affinity = *static_cast<Affinity*>(object);
  for (const EnumValue& value : kAffinityKinds) {
    if (value.name != text) continue;
    affinity.kind = static_cast<AffinityKind>(value.value);
    return {};
  }
  CpuSet set;
  if (!CpuSet::Scalar().parse(text, &set).empty())
    return "'" + std::string(text) +
           "' is neither a CPU list nor one of inherit, llc_aligned, cross_cgroup, single_cpu, "
           "smt_sibling_pair";
  affinity.cpus = std::move(set);
  return {};
}
std::string PrintAffinity(const void* object) {
  const auto& affinity = *static_cast<const Affinity*>(object);
  if (affinity.random) return {};
  if (affinity.cpus) return FormatCpus(*affinity.cpus);
  return std::string(kAffinityKinds[static_cast<std::size_t>(affinity.kind)].name);
}
void AffinityRules(const void* object, RuleSink& sink) {
  const auto& affinity = *static_cast<const Affinity*>(object);
  const int given =
      (affinity.kind != AffinityKind::kInherit) + affinity.cpus.has_value() + affinity.random.has_value();
  if (given > 1) sink.Diagnose("", "give only one of kind, cpus and random");
}

// ---- work
void DeadlineRules(const void* object, RuleSink& sink) {
  const auto& deadline = *static_cast<const DeadlineParams*>(object);
  if (deadline.runtime.ns < 1024) sink.Diagnose("runtime", "the kernel wants a runtime of at least 1024ns");
  if (deadline.runtime > deadline.deadline)
    sink.Diagnose("runtime", "the runtime must not exceed the deadline");
  if (deadline.period.ns != 0 && deadline.deadline > deadline.period)
    sink.Diagnose("deadline", "the deadline must not exceed the period");
}
void WorkRules(const void* object, RuleSink& sink) {
  const auto& work = *static_cast<const WorkSpec*>(object);
  PolicyRules(work.policy, work.deadline, sink);
  if (work.comm && (work.comm->empty() || work.comm->size() > 15))
    sink.Diagnose("comm", "a task name has 1 to 15 bytes");
  const WorkTypeDecl* type = work.type.decl() != nullptr ? FindWorkType(work.type.decl()->name) : nullptr;
  const std::uint32_t group = type != nullptr ? GroupSize(*type, work.type.data()) : 0;
  if (group != 0 && work.workers && work.workers->count % group != 0)
    sink.Diagnose("workers", std::string(work.type.decl()->name) + " works in groups of " +
                                 std::to_string(group) + "; " + std::to_string(work.workers->count) +
                                 " is not a multiple of that");
}

}  // namespace

TaskPolicy PolicyOf(SchedPolicy policy, std::uint32_t rt_priority,
                    const std::optional<DeadlineParams>& deadline) {
  TaskPolicy of{policy, rt_priority};
  if (!deadline) return of;
  of.dl_runtime_ns = static_cast<std::uint64_t>(deadline->runtime.ns);
  of.dl_deadline_ns = static_cast<std::uint64_t>(deadline->deadline.ns);
  of.dl_period_ns =
      deadline->period.ns != 0 ? static_cast<std::uint64_t>(deadline->period.ns) : of.dl_deadline_ns;
  return of;
}

void PolicyRules(SchedPolicy policy, const std::optional<DeadlineParams>& deadline, RuleSink& sink) {
  if ((policy == SchedPolicy::kDeadline) != deadline.has_value())
    sink.Diagnose(deadline ? "deadline" : "policy", "policy: deadline and deadline: {...} belong together");
}

const ScalarDecl& SizeLimit::Scalar() { return kSizeLimit; }

const StructDecl& CpuMax::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CpuMax::unlimited>("unlimited", "No limit."),
      Optional<&CpuMax::quota>("quota", "CPU time in each period."),
      Optional<&CpuMax::period>("period", "Length of the period.", Unit("1ms to 1s")),
  };
  static constexpr ShorthandDecl kShort{"A share of one CPU (200% is two CPUs), or max.",
                                        "^(max|[0-9]+(\\.[0-9]+)?%)$",
                                        "150%, max",
                                        false,
                                        &ParseCpuMax,
                                        &PrintCpuMax};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<CpuMax>("CpuMax", "CPU bandwidth: cpu.max of cgroup v2.", kFields);
    decl.shorthand = &kShort;
    decl.rules = &CpuMaxRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& CpuLimits::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CpuLimits::weight>("weight", "cpu.weight; the kernel's default is 100.", Between(1, 10000)),
      Optional<&CpuLimits::max>("max", "cpu.max: the most CPU time the cgroup gets."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CpuLimits>("CpuLimits", "The cpu controller.", kFields);
  return kDecl;
}

const StructDecl& MemoryLimits::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&MemoryLimits::max>("max", "memory.max: the hard limit."),
      Optional<&MemoryLimits::high>("high", "memory.high: the throttling limit."),
      Optional<&MemoryLimits::low>("low", "memory.low: best-effort protection."),
      Optional<&MemoryLimits::swap_max>("swap_max", "memory.swap.max; needs a kernel with swap."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<MemoryLimits>("MemoryLimits", "The memory controller.", kFields);
  return kDecl;
}

const StructDecl& IoLimits::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&IoLimits::weight>("weight", "io.weight.", Between(1, 10000))};
  static constexpr StructDecl kDecl = DeclareStruct<IoLimits>("IoLimits", "The io controller.", kFields);
  return kDecl;
}

const StructDecl& PidsLimits::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PidsLimits::max>("max", "pids.max: the most tasks, threads included.", AtLeast(1))};
  static constexpr StructDecl kDecl =
      DeclareStruct<PidsLimits>("PidsLimits", "The pids controller.", kFields);
  return kDecl;
}

const StructDecl& RandomAffinity::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&RandomAffinity::from>(
          "from", "Draw out of these CPUs (within the cgroup's); default: all of the cgroup's."),
      Required<&RandomAffinity::count>("count", "How many CPUs each worker draws.", AtLeast(1)),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<RandomAffinity>("RandomAffinity", "Each worker draws CPUs of its own.", kFields);
  return kDecl;
}

const StructDecl& Affinity::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Affinity::kind>("kind", "A mask derived from the cgroup and the topology."),
      Optional<&Affinity::cpus>("cpus", "These CPUs, within the cgroup's."),
      Optional<&Affinity::random>("random", "Each worker draws CPUs of its own."),
  };
  static constexpr ShorthandDecl kShort{
      "A kind or a CPU list.",
      "^(inherit|llc_aligned|cross_cgroup|single_cpu|smt_sibling_pair|[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)$",
      "single_cpu, 0-1",
      true,
      &ParseAffinity,
      &PrintAffinity};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Affinity>(
        "Affinity", "The CPUs a worker binds itself to (sched_setaffinity).", kFields);
    decl.shorthand = &kShort;
    decl.rules = &AffinityRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& DeadlineParams::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&DeadlineParams::runtime>("runtime", "CPU time in each period; at least 1024ns."),
      Required<&DeadlineParams::deadline>("deadline", "By when in each period."),
      Optional<&DeadlineParams::period>("period", "The period; 0s means the deadline."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<DeadlineParams>("DeadlineParams", "A SCHED_DEADLINE reservation.", kFields);
    decl.rules = &DeadlineRules;
    return decl;
  }();
  return kDecl;
}

WorkSpec::WorkSpec() : type(AnyStruct(*WorkTypes::Alternatives().front())) {}

const StructDecl& WorkSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Makes(Optional<&WorkSpec::name>(
          "name", "Tells the group from others in its cgroup, for checks (`group:`) and reports.", kPlainName,
          Refers::kGroup)),
      Required<&WorkSpec::type>("type", "The work type; its parameters are written beside it."),
      Optional<&WorkSpec::workers>("workers", "How many workers; default: one group of the work type."),
      Optional<&WorkSpec::policy>("policy", "The scheduling policy."),
      Optional<&WorkSpec::rt_priority>("rt_priority", "Priority under fifo and rr.", Between(1, 99)),
      Optional<&WorkSpec::deadline>("deadline", "The reservation under policy deadline."),
      Optional<&WorkSpec::nice>("nice", "Nice value; left alone when absent.", Between(-20, 19)),
      Optional<&WorkSpec::affinity>("affinity", "The CPUs each worker binds itself to."),
      Optional<&WorkSpec::comm>("comm", "The task name, 1 to 15 bytes."),
      Optional<&WorkSpec::uid>("uid", "User id to run as."),
      Optional<&WorkSpec::gid>("gid", "Group id to run as."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<WorkSpec>("Work", "A group of workers that run one work type.", kFields);
    decl.rules = &WorkRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& CgroupDef::Decl() {
  static constexpr auto kFields = JoinFields(
      std::array{Makes(Required<&CgroupDef::name>("name", "The cgroup's name; '/' nests.", kCgroupName,
                                                  Refers::kCgroup)),
                 Optional<&CgroupDef::cpuset>("cpuset", "cpuset.cpus; absent: inherited.")},
      kLimitFields<CgroupDef>,
      std::array{Optional<&CgroupDef::work>("work", "Workers started in the cgroup; none when absent."),
                 Starts(Optional<&CgroupDef::payload>("payload", "A payload started in the cgroup.", {},
                                                      Refers::kPayload))});
  static constexpr StructDecl kDecl = DeclareStruct<CgroupDef>(
      "CgroupDef", "A cgroup with its limits, its workers and perhaps a payload.", kFields);
  return kDecl;
}

}  // namespace ktstr
