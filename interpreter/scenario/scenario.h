// The scenario file as typed values. The declarations in scenario.cpp are its authority: the schema, the
// manual and the strict reading of files all follow from them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "interpreter/fold/payload_metrics.h"
#include "interpreter/scenario/check_list.h"
#include "interpreter/scenario/kernel_requirement.h"
#include "interpreter/scenario/observe_spec.h"
#include "ops/op.h"
#include "ops/plan/cgroup_def.h"

namespace ktstr {

/// `1n2l2c1t` or a map; `llcs` counts the whole machine.
struct TopologySpec {
  std::uint32_t numa = 1;
  std::uint32_t llcs = 1;
  std::uint32_t cores = 2;
  std::uint32_t threads = 1;
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
  std::string binary;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::vector<std::string> include;  // further programs to ship
  OutputSpec output;
  NamedMap<MetricHint> metrics;
  std::vector<PayloadCheck> checks;
  // Whether failed checks count.
  bool gate = true;
  bool own_process_group = true;
  static const StructDecl& Decl();
};

/// How often a step's ops may be repeated.
inline constexpr std::int64_t kMaxRepetitions = 10'000;

/// A time or a share of `duration`; or `{every, for}`, which repeats the step's ops.
struct HoldSpec {
  std::optional<Duration> time;
  std::optional<Percent> share;
  std::optional<Duration> every;
  std::optional<Duration> for_time;
  static const StructDecl& Decl();
};

/// One phase: cgroups are made, ops run, then it holds; what it made ends with it.
struct Step {
  std::string name;  // "": step<N>, see StepName
  std::vector<CgroupDef> cgroups;
  std::vector<Op> ops;
  std::optional<HoldSpec> hold;  // none: the step ends after its ops
  std::vector<Check> checks;
  static const StructDecl& Decl();
};

/// What lives across all steps, in the order in which it is made.
struct Backdrop {
  std::vector<CgroupDef> cgroups;
  std::vector<Op> ops;
  std::vector<std::string> payloads;
  static const StructDecl& Decl();
};

/// Part of the matrix: the combinations that agree with every member that is set.
struct MatrixPoint {
  std::optional<TopologySpec> topology;
  std::optional<MemorySpec> memory;
  std::optional<Clock> clock;
  static const StructDecl& Decl();
};
/// Axes that take the place of the scenario's single values; an empty axis leaves that value alone.
struct Matrix {
  std::vector<TopologySpec> topology;
  std::vector<MemorySpec> memory;
  std::vector<Clock> clock;
  std::vector<MatrixPoint> exclude;
  static const StructDecl& Decl();
};

/// A whole file. `version` has no default, so that a file without it is an error.
struct Scenario {
  std::uint32_t version = 0;
  std::string name;
  std::string description;
  std::vector<std::string> tags;
  TopologySpec topology;
  MemorySpec memory;
  std::optional<KernelRequirement> kernel;
  Clock clock = Clock::kWall;
  Duration duration = Seconds(10);
  Duration timeout = Seconds(120);
  std::uint64_t seed = 1;
  NamedMap<Payload> payloads;
  std::optional<Backdrop> backdrop;
  std::vector<Step> steps;
  // What is looked at from outside without any Op asking for it.
  SnapshotsSpec snapshots;
  std::optional<MonitorSpec> monitor;
  DefaultChecks defaults;
  std::vector<Check> checks;
  std::optional<Matrix> matrix;
  static const StructDecl& Decl();
};

}  // namespace ktstr
