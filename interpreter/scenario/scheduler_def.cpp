// `schedulers:` of a scenario.
#include "interpreter/scenario/scenario.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  const auto& scheduler = *static_cast<const SchedulerDef*>(object);
  if (scheduler.use.empty() == scheduler.binary.empty())
    sink.Diagnose("", "give either `binary`, or `use` for a shipped one");
  if (!scheduler.use.empty() && vmm::FindShippedScheduler(scheduler.use) == nullptr)
    sink.Diagnose("use", vmm::UnknownScheduler(scheduler.use).message);
  if (scheduler.attach_timeout && scheduler.attach_timeout->ns <= 0)
    sink.Diagnose("attach_timeout", "it must be more than 0s");
  if (scheduler.attach_cpu_time && scheduler.attach_cpu_time->ns <= 0)
    sink.Diagnose("attach_cpu_time", "it must be more than 0s");
}

constexpr Duration kAttachTimeout = Seconds(90);
constexpr Duration kAttachCpuTime = Seconds(35);
constexpr std::int64_t kVirtualFactor = 10;

}  // namespace

AttachBudget AttachBudgetOf(const SchedulerDef& scheduler, Clock clock) {
  const auto budget = [&](const std::optional<Duration>& given, Duration usual) {
    const std::int64_t factor = clock == Clock::kVirtual ? kVirtualFactor : 1;
    return static_cast<std::uint64_t>(given ? given->ns : usual.ns * factor);
  };
  return {budget(scheduler.attach_cpu_time, kAttachCpuTime),
          budget(scheduler.attach_timeout, kAttachTimeout)};
}

bool NamesSchedulers(const Scenario& scenario) {
  return scenario.scheduler.has_value() || !scenario.schedulers.items.empty() ||
         (scenario.matrix && !scenario.matrix->scheduler.empty());
}

const StructDecl& SchedulerDef::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&SchedulerDef::use>(
          "use",
          "A shipped scheduler, by its name: `ktstr-interp schedulers list` has them, and `schedulers build` "
          "builds them."),
      Optional<&SchedulerDef::binary>(
          "binary",
          "The program that loads it: a path below the scenario file's directory, or a name beside it or on "
          "PATH.",
          {}, Refers::kFile),
      Optional<&SchedulerDef::args>("args", "Its arguments."),
      Optional<&SchedulerDef::env>("env", "Environment, as NAME=value, beside PATH, HOME and TMPDIR.",
                                   {.pattern = "^[A-Za-z_][A-Za-z0-9_]*=", .pattern_doc = "NAME=value"}),
      Optional<&SchedulerDef::include>("include", "Further programs it calls, found like `binary`.", {},
                                       Refers::kFile),
      Optional<&SchedulerDef::attach_timeout>(
          "attach_timeout",
          "Guest time in which the kernel must have enabled it; default: 90s, on the virtual clock 900s."),
      Optional<&SchedulerDef::attach_cpu_time>(
          "attach_cpu_time",
          "CPU time that its program may use until then, to which a slow host adds nothing; default: 35s, on "
          "the virtual clock 350s."),
      Optional<&SchedulerDef::max_insns>(
          "max_insns",
          "The most instructions that the verifier may process for any of its programs; above it `verify` "
          "fails. Runs do not look at it.",
          Between(1, 1'000'000)),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<SchedulerDef>(
        "Scheduler", "A sched_ext scheduler: a program that loads it and stays while it is attached.",
        kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

}  // namespace ktstr
