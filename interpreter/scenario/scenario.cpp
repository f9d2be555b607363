#include "interpreter/scenario/scenario.h"

#include <array>

#include "vmm/machine/topology_presets.h"

namespace ktstr {
namespace {

// ---- topology
std::string ParseTopologyText(std::string_view text, void* object) {
  const Result<vmm::Topology> topology = vmm::ParseTopology(text);
  if (!topology.ok()) return topology.error().message;
  *static_cast<TopologySpec*>(object) = {topology->numa_nodes, topology->llcs, topology->cores_per_llc,
                                         topology->threads_per_core};
  return {};
}
std::string PrintTopology(const void* object) {
  return vmm::FormatTopology(static_cast<const TopologySpec*>(object)->Concrete());
}
void TopologyRules(const void* object, RuleSink& sink) {
  const Result<> valid = vmm::ValidateTopology(static_cast<const TopologySpec*>(object)->Concrete());
  if (!valid.ok()) sink.Diagnose("", valid.error().message);
}

// ---- memory
std::string ParseMemory(std::string_view text, void* out) {
  auto& memory = *static_cast<MemorySpec*>(out);
  memory.bytes = 0;
  if (text == "auto") return {};
  ByteSize size;
  std::string fault = ByteSize::Scalar().parse(text, &size);
  if (fault.empty() && size.bytes < (std::uint64_t{128} << 20)) fault = "a guest needs at least 128MiB";
  if (fault.empty() && size.bytes > (std::uint64_t{1} << 40)) fault = "a guest can have at most 1TiB";
  memory.bytes = size.bytes;
  return fault;
}
constexpr ScalarDecl kMemory{"Memory",
                             "A size, or auto: worked out from the guest's image and CPUs.",
                             "^(auto|[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB)?)$",
                             "auto, 512MiB",
                             true,
                             &ParseMemory,
                             [](const void* v) {
                               const auto bytes = static_cast<const MemorySpec*>(v)->bytes;
                               return bytes == 0 ? std::string("auto") : FormatSize({bytes});
                             }};

// ---- hold
std::string ParseHold(std::string_view text, void* object) {
  auto& hold = *static_cast<HoldSpec*>(object);
  if (!text.empty() && text.back() == '%') {
    hold.share.emplace();
    std::string fault = Percent::Scalar().parse(text, &*hold.share);
    return fault.empty() && hold.share->fraction <= 0 ? "a hold must be more than 0%" : fault;
  }
  hold.time.emplace();
  return Duration::Scalar().parse(text, &*hold.time);
}
std::string PrintHold(const void* object) {
  const auto& hold = *static_cast<const HoldSpec*>(object);
  if (hold.share) return Percent::Scalar().print(&*hold.share);
  return hold.time ? FormatDuration(*hold.time) : std::string();
}
void PayloadRules(const void* object, RuleSink& sink) {
  const auto& payload = *static_cast<const Payload*>(object);
  if (!payload.use && payload.binary.empty())
    sink.Diagnose("", "say what runs: `binary`, or `use` for a shipped one");
  if (payload.use && !payload.binary.empty()) sink.Diagnose("binary", "binary and use exclude each other");
  if (payload.use && payload.output.parse != OutputParse::kExitCode)
    sink.Diagnose("output", "what is shipped says how its output is read");
}

void HoldRules(const void* object, RuleSink& sink) {
  const auto& hold = *static_cast<const HoldSpec*>(object);
  const bool loops = hold.every || hold.for_time;
  if (loops && (hold.time || hold.share))
    sink.Diagnose("", "give either a time or a share, or every and for");
  if (!loops && hold.time && hold.share) sink.Diagnose("", "give either a time or a share");
  if (!loops && !hold.time && !hold.share) sink.Diagnose("", "give a time, a share, or every and for");
  if (!loops) return;
  if (!hold.every) return sink.Diagnose("", "a repeated hold needs both every and for");
  if (!hold.for_time) return sink.Diagnose("every", "a repeated hold needs both every and for");
  if (hold.every->ns <= 0) return sink.Diagnose("every", "every must be more than 0s");
  if (hold.for_time->ns / hold.every->ns > kMaxRepetitions)
    sink.Diagnose("every", "at most 10000 repetitions are allowed");
}

}  // namespace

const ScalarDecl& MemorySpec::Scalar() { return kMemory; }

const StructDecl& TopologySpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&TopologySpec::numa>("numa", "NUMA nodes.", Between(1, 64)),
      Optional<&TopologySpec::llcs>("llcs", "Last-level caches in the whole machine; a multiple of numa.",
                                    Between(1, 252)),
      Optional<&TopologySpec::cores>("cores", "Cores per LLC.", Between(1, 252)),
      Optional<&TopologySpec::threads>("threads", "SMT threads per core.", Between(1, 8)),
  };
  static constexpr auto kNames = [] {
    std::array<NamedForm, std::size(vmm::kTopologyPresets)> names;
    for (std::size_t i = 0; i < names.size(); ++i)
      names[i] = {vmm::kTopologyPresets[i].name, vmm::kTopologyPresets[i].doc};
    return names;
  }();
  static constexpr ShorthandDecl kShort{
      "NUMA nodes, LLCs, cores per LLC, threads per core; or a preset's name such as 8cpu-2llc-smt.",
      "^[0-9]+n[0-9]+l[0-9]+c[0-9]+t$",
      "1n1l2c1t, 1n2l4c2t",
      false,
      &ParseTopologyText,
      &PrintTopology,
      kNames};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<TopologySpec>("Topology", "The shape of the guest's processor.", kFields);
    decl.shorthand = &kShort;
    decl.rules = &TopologyRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& Payload::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Payload::use>(
          "use", "A shipped definition: the program, how its output is read, and what its metrics are."),
      Optional<&Payload::binary>(
          "binary",
          "The program: a path below the scenario file's directory, or a name beside it or on PATH.", {},
          Refers::kFile),
      Optional<&Payload::args>("args", "Its arguments."),
      Optional<&Payload::env>("env", "Environment, as NAME=value, beside PATH, HOME and TMPDIR.",
                              {.pattern = "^[A-Za-z_][A-Za-z0-9_]*=", .pattern_doc = "NAME=value"}),
      Optional<&Payload::include>("include", "Further programs it calls, found like `binary`.", {},
                                  Refers::kFile),
      Optional<&Payload::output>("output", "How metrics are found in its output."),
      Optional<&Payload::metrics>("metrics", "What is known about its metrics.", kPlainName),
      Optional<&Payload::checks>("checks", "What each of its runs must fulfil."),
      Optional<&Payload::gate>("gate",
                               "Whether a failed check fails the scenario; otherwise it is only reported."),
      Optional<&Payload::own_process_group>("own_process_group",
                                            "Run as leader of its own process group, killed as one."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Payload>("Payload", "A program run in the guest by RunPayload.", kFields);
    decl.rules = &PayloadRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& HoldSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&HoldSpec::time>("time", "Hold this long."),
      Optional<&HoldSpec::share>("share", "Hold for this share of the scenario's `duration`."),
      Optional<&HoldSpec::every>("every", "Repeat the step's ops at this interval."),
      Optional<&HoldSpec::for_time>("for", "How long to repeat them."),
  };
  static constexpr ShorthandDecl kShort{"A time, or a share of the scenario's `duration`.",
                                        "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|%)$",
                                        "2s, 50%",
                                        false,
                                        &ParseHold,
                                        &PrintHold};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<HoldSpec>("Hold", "How long a step lasts after its ops. Never shortened.", kFields);
    decl.shorthand = &kShort;
    decl.rules = &HoldRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& Step::Decl() {
  static constexpr FieldDecl kFields[] = {
      Makes(Optional<&Step::name>("name", "Names the phase in checks and reports; default: step1, step2, ...",
                                  kPlainName, Refers::kPhase)),
      Optional<&Step::cgroups>("cgroups", "Cgroups that live for this step, made before its ops run."),
      Optional<&Step::ops>("ops", "What happens, in this order; the first that fails ends the scenario."),
      Optional<&Step::hold>("hold", "How long the step then lasts; absent: it ends after its ops."),
      Optional<&Step::checks>("checks", "Checks on this step's phase."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Step>(
      "Step", "One phase: its cgroups are made, its ops run, then it holds. What it made ends with it.",
      kFields);
  return kDecl;
}

const StructDecl& Backdrop::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Backdrop::cgroups>(
          "cgroups",
          "Cgroups that live across all steps; their workers report one slice per phase. They are made and "
          "their workers run before the first of the backdrop's ops."),
      Optional<&Backdrop::ops>("ops", "Ops run once, before the first step; the cgroups run already."),
      Starts(Optional<&Backdrop::payloads>("payloads", "Payloads started after the ops, outside any cgroup.",
                                           {}, Refers::kPayload)),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Backdrop>(
      "Backdrop",
      "What lives across all steps: first its cgroups start, then its ops run, then its "
      "payloads start.",
      kFields);
  return kDecl;
}

const StructDecl& MatrixPoint::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&MatrixPoint::topology>("topology", "A topology of the axis."),
      Optional<&MatrixPoint::memory>("memory", "A memory size of the axis."),
      Optional<&MatrixPoint::clock>("clock", "A clock of the axis."),
      Optional<&MatrixPoint::scheduler>("scheduler", "A scheduler of the axis.", {}, Refers::kScheduler),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<MatrixPoint>("MatrixPoint", "Combinations that agree with all given values.", kFields);
  return kDecl;
}

const StructDecl& Matrix::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&Matrix::topology>("topology", "Run once on each of these, instead of `topology:`."),
      Optional<&Matrix::memory>("memory", "Run once with each of these, instead of `memory:`."),
      Optional<&Matrix::clock>("clock", "Run once under each of these, instead of `clock:`."),
      Optional<&Matrix::scheduler>("scheduler",
                                   "Run once with each of these attached, instead of `scheduler:`.", {},
                                   Refers::kScheduler),
      Optional<&Matrix::exclude>("exclude", "Combinations to leave out."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<Matrix>("Matrix", "Variants of the scenario: every combination of the axes.", kFields);
  return kDecl;
}

const StructDecl& OnFailure::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&OnFailure::rerun>("rerun",
                                  "Run a failed scenario so often again and say how often it fails. Its "
                                  "verdict stays. On the virtual "
                                  "clock, where it would repeat itself, it is not run again.",
                                  Between(0, kMaxReruns)),
      Optional<&OnFailure::probe>(
          "probe",
          "Run it once more when its scheduler was ejected or a task starved under "
          "it, with probes on the functions of the kernel's exit stack, on those "
          "around a scheduler's work and on its callbacks. What happened to each task "
          "last is in probe.txt of the run directory. The verdict stays."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<OnFailure>("OnFailure", "What is done when a scenario has failed.", kFields);
  return kDecl;
}

const StructDecl& Scenario::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Scenario::version>("version", "The format's version: 1.", Between(1, 1)),
      Optional<&Scenario::name>("name", "The scenario's name; default: the file's name without .yaml.",
                                kPlainName),
      Optional<&Scenario::description>("description", "One or two sentences for people."),
      Optional<&Scenario::tags>("tags", "Words for `--tag`.", kPlainName),
      Optional<&Scenario::topology>("topology", "The shape of the guest's processor."),
      Optional<&Scenario::memory>("memory", "The guest's memory."),
      Optional<&Scenario::kernel>(
          "kernel",
          "Which kernels will do; on another one the scenario is skipped, or an ERROR with `--require`."),
      Optional<&Scenario::clock>("clock", "What guest time follows."),
      Optional<&Scenario::duration>("duration", "What a hold of 100% is."),
      Optional<&Scenario::timeout>("timeout", "Guest-up time after which the run is ended as an ERROR."),
      Optional<&Scenario::seed>("seed", "Seeds everything drawn at random."),
      Makes(Optional<&Scenario::payloads>("payloads", "Programs that RunPayload can start, by name.",
                                          kPlainName, Refers::kPayload)),
      Makes(Optional<&Scenario::schedulers>("schedulers",
                                            "sched_ext schedulers that can be attached, by name.", kPlainName,
                                            Refers::kScheduler)),
      Optional<&Scenario::scheduler>(
          "scheduler",
          "The scheduler that is attached before all else, out of `schedulers:`; eevdf: the kernel's own.",
          {}, Refers::kScheduler),
      Optional<&Scenario::backdrop>("backdrop", "What lives across all steps."),
      Required<&Scenario::steps>("steps", "What happens, one phase after another.", NonEmpty()),
      Optional<&Scenario::snapshots>("snapshots", "Snapshots of the kernel at regular times."),
      Optional<&Scenario::monitor>("monitor", "Samples the run queues from outside; on, or its thresholds."),
      Optional<&Scenario::defaults>(
          "defaults",
          "Whether the default checks apply: the kernel did not complain, payloads exited well, the "
          "scheduler stayed attached, every worker reported, progress, no stall, cpuset isolation."),
      Optional<&Scenario::checks>("checks", "Checks on the whole run, beside the default ones."),
      Optional<&Scenario::expect>("expect",
                                  "Checks that must fail for the scenario to pass, because what is tested "
                                  "has a fault. A failure that "
                                  "is not listed is one, and so is one that does not come."),
      Optional<&Scenario::on_failure>("on_failure", "What is done when the scenario has failed."),
      Optional<&Scenario::matrix>("matrix", "Run in several variants."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Scenario>("Scenario", "A test of the kernel's scheduler.", kFields);
    decl.allow_extension_keys = true;
    return decl;
  }();
  return kDecl;
}

}  // namespace ktstr
