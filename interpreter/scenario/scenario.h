// The scenario file as typed values. The declarations in scenario.cpp are its authority: the schema, the
// manual and the strict reading of files all follow from them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "interpreter/fold/payload_metrics.h"
#include "interpreter/scenario/check_list.h"
#include "interpreter/scenario/expected_failure.h"
#include "interpreter/scenario/kernel_requirement.h"
#include "interpreter/scenario/observe_spec.h"
#include "interpreter/scenario/shipped_payloads.h"
#include "ops/op.h"
#include "ops/plan/cgroup_def.h"

namespace ktstr {

/// `1n2l2c1t` or a map; `llcs` counts the whole machine.
struct TopologySpec {
  std::uint32_t numa = 1;     // nodes; 1 to 64
  std::uint32_t llcs = 1;     // a multiple of numa
  std::uint32_t cores = 2;    // per LLC
  std::uint32_t threads = 1;  // per core; 1 to 8
  auto operator<=>(const TopologySpec&) const = default;
  [[nodiscard]] vmm::Topology Concrete() const { return {numa, llcs, cores, threads}; }
  static const StructDecl& Decl();
};

/// A size, or `auto` (bytes == 0): what the guest needs, worked out from its image and CPUs.
struct MemorySpec {
  std::uint64_t bytes = 0;
  auto operator<=>(const MemorySpec&) const = default;
  static const ScalarDecl& Scalar();
};

enum class Clock : std::uint8_t { kWall, kVirtual };
inline constexpr EnumValue kClocks[] = {
    {"wall", 0, "Guest time passes with real time."},
    {"virtual", 1,
     "QEMU icount: guest time passes with executed instructions, and idle time is skipped. Needs TCG."}};
constexpr EnumDecl DescribeEnum(Clock) { return {"Clock", kClocks, nullptr, nullptr}; }

/// A program that RunPayload can start. Its fields are those of the YAML; defaults stand here.
struct Payload {
  std::string binary;  // a path relative to the file, or a name beside it or on PATH
  std::vector<std::string> args;
  std::vector<std::string> env;            // NAME=value, beside PATH, HOME and TMPDIR
  std::vector<std::string> include;        // further programs to ship
  OutputSpec output;                       // how metrics are found in its output
  NamedMap<MetricHint> metrics;            // what is known of them before a run, by name
  std::vector<PayloadCheck> checks;        // each of its runs must fulfil them
  bool gate = true;                        // false: failed checks are only reported
  bool own_process_group = true;           // it is killed with all that is in it
  std::optional<ShippedPayload> use = {};  // in the place of `binary` and `output`
  static const StructDecl& Decl();
};

/// What a global variable of a BPF object is to be, as it was written: its type is the object's affair.
struct VariableValue {
  std::string text;
  static const ScalarDecl& Scalar();
};

/// `PATH = VALUE`: something to write to a file of the guest's kernel.
struct KernelFileValue {
  std::string file;
  std::string value;
  static const ScalarDecl& Scalar();
};

/// A scheduler: a sched_ext one, as its authors ship it (a program that loads it and stays while it is
/// attached) or as a BPF object, or one that the kernel has built in.
struct SchedulerDef {
  // One of these four says what it is.
  std::string use;                      // the name of a shipped one (vmm/kernel/schedulers.h)
  std::string binary;                   // as of a payload
  std::string object;                   // a BPF object file, for the shipped loader
  std::vector<KernelFileValue> enable;  // of a built-in one
  std::string ops;                      // which of the object's; "": the only one
  NamedMap<VariableValue> variables;    // of the object
  std::vector<KernelFileValue> disable;
  std::string config;  // a file; "": none
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::vector<std::string> include;
  std::optional<Duration> attach_timeout;  // none: AttachBudgetOf() knows
  std::optional<Duration> attach_cpu_time;
  std::optional<std::uint64_t> max_insns;  // of each of its programs, as the verifier counts; for `verify`
  bool from_user = false;  // the command line names it, which may name any file; not part of the declaration
  [[nodiscard]] bool IsBuiltIn() const { return !enable.empty(); }
  static const StructDecl& Decl();
};

/// In arguments and environment of a scheduler: where its `config` is in the guest, and the cgroup above all
/// those of the scenario, as the kernel writes it ("/ktstr").
inline constexpr std::string_view kConfigPlace = "${config}";
inline constexpr std::string_view kCgroupParentPlace = "${cgroup_parent}";

/// What the guest is to give it until the kernel has enabled it. Loading takes libbpf and the verifier some
/// hundred million instructions, which on the virtual clock take 15 s of guest time and more.
AttachBudget AttachBudgetOf(const SchedulerDef& scheduler, Clock clock);

/// What `scheduler:` calls the kernel's own.
inline constexpr std::string_view kEevdf = "eevdf";

struct Scenario;
/// Whether a scenario says itself under which scheduler it runs: --scheduler then has no place in it.
bool NamesSchedulers(const Scenario& scenario);

/// What is done when the scenario has failed.
struct OnFailure {
  std::uint32_t rerun = 0;  // how often it is run again
  bool probe = false;       // once more with probes, when it failed under a scheduler
  static const StructDecl& Decl();
};
inline constexpr std::uint32_t kMaxReruns = 1000;

/// How often a step's ops may be repeated.
inline constexpr std::int64_t kMaxRepetitions = 10'000;
/// A repetition ends with a diagnostic when a run makes more requests than this: each takes memory, also in
/// lint.
inline constexpr std::size_t kMaxRequests = 100'000;

/// A time or a share of `duration`; or `{every, for}`, which repeats the step's ops.
struct HoldSpec {
  std::optional<Duration> time;
  std::optional<Percent> share;
  std::optional<Duration> every;     // more than 0; goes with for_time and with nothing else
  std::optional<Duration> for_time;  // `for`
  static const StructDecl& Decl();
};

/// One phase: cgroups are made, ops run, then it holds; what it made ends with it.
struct Step {
  std::string name;  // "": step<N>, see StepName
  std::vector<CgroupDef> cgroups;
  std::vector<Op> ops;
  std::optional<HoldSpec> hold;  // none: the step ends after its ops
  std::vector<Check> checks;     // on this step's phase
  static const StructDecl& Decl();
};

/// What lives across all steps, in the order in which it is made.
struct Backdrop {
  std::vector<CgroupDef> cgroups;
  std::vector<Op> ops;
  std::vector<std::string> payloads;  // started after the ops, outside any cgroup
  static const StructDecl& Decl();
};

/// Part of the matrix: the combinations that agree with every member that is set.
struct MatrixPoint {
  std::optional<TopologySpec> topology;
  std::optional<MemorySpec> memory;
  std::optional<Clock> clock;
  std::optional<std::string> scheduler;
  static const StructDecl& Decl();
};
/// Axes that take the place of the scenario's single values; an empty axis leaves that value alone.
struct Matrix {
  std::vector<TopologySpec> topology;
  std::vector<MemorySpec> memory;
  std::vector<Clock> clock;
  std::vector<std::string> scheduler;
  std::vector<MatrixPoint> exclude;
  static const StructDecl& Decl();
};

/// A whole file. `version` has no default, so that a file without it is an error.
struct Scenario {
  std::uint32_t version = 0;  // 1 is the only one
  std::string name;           // "": that of the file, without .yaml
  std::string description;
  std::vector<std::string> tags;  // words for `--tag`
  TopologySpec topology;
  MemorySpec memory;
  std::optional<KernelRequirement> kernel;  // none: any kernel will do
  Clock clock = Clock::kWall;
  Duration duration = Seconds(10);  // what a hold of 100% is
  Duration timeout = Seconds(120);  // of guest-up time; then the run is an ERROR
  std::uint64_t seed = 1;           // of everything drawn at random
  NamedMap<Payload> payloads;
  NamedMap<SchedulerDef> schedulers;
  std::optional<std::string> scheduler;  // attached before all else; none: the kernel's own
  bool scheduler_from_user = false;      // the command line names it; not part of the declaration
  std::optional<Backdrop> backdrop;      // none: nothing lives across steps
  std::vector<Step> steps;
  // What is looked at from outside without any Op asking for it.
  SnapshotsSpec snapshots;
  std::optional<MonitorSpec> monitor;  // none: no samples are taken
  DefaultChecks defaults;
  std::vector<Check> checks;  // on the whole run
  std::vector<ExpectedFailure> expect;
  OnFailure on_failure;
  std::optional<Matrix> matrix;  // none: one variant
  static const StructDecl& Decl();
};

}  // namespace ktstr
