// `schedulers:` of a scenario.
#include <algorithm>
#include <cctype>

#include "interpreter/scenario/scenario.h"
#include "ops/plan/diagnostics.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr {
namespace {

/// Whether a variable of C can have this name, perhaps with members and indices behind it.
bool IsVariable(std::string_view name) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '[' || c == ']';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), fits) &&
         (std::isalpha(static_cast<unsigned char>(name[0])) != 0 || name[0] == '_');
}

bool Mentions(const SchedulerDef& scheduler, std::string_view place) {
  const auto has = [&](const std::string& text) { return text.find(place) != std::string::npos; };
  return std::any_of(scheduler.args.begin(), scheduler.args.end(), has) ||
         std::any_of(scheduler.env.begin(), scheduler.env.end(), has);
}

/// Keys that say nothing of a scheduler of this kind.
void CheckKeys(const SchedulerDef& scheduler, RuleSink& sink) {
  struct Key {
    std::string_view name;
    bool given;
    bool fits;
    std::string_view goes_with;
  };
  const bool object = !scheduler.object.empty(), built_in = scheduler.IsBuiltIn();
  const bool program = !object && !built_in;
  const Key keys[] = {
      {"ops", !scheduler.ops.empty(), object, "`object`"},
      {"variables", !scheduler.variables.items.empty(), object, "`object`"},
      {"disable", !scheduler.disable.empty(), built_in, "`enable`"},
      {"args", !scheduler.args.empty(), program,
       object ? "a program; `variables` sets what is global in an object" : "a program"},
      {"env", !scheduler.env.empty(), program, "a program"},
      {"include", !scheduler.include.empty(), program, "a program"},
      {"config", !scheduler.config.empty(), program, "a program"},
      {"attach_timeout", scheduler.attach_timeout.has_value(), !built_in, "what is loaded"},
      {"attach_cpu_time", scheduler.attach_cpu_time.has_value(), !built_in, "what is loaded"},
      {"max_insns", scheduler.max_insns.has_value(), !built_in, "what is loaded"},
  };
  for (const Key& key : keys)
    if (key.given && !key.fits) sink.Diagnose(key.name, "it goes with " + std::string(key.goes_with));
}

void CheckConfig(const SchedulerDef& scheduler, RuleSink& sink) {
  const bool mentioned = Mentions(scheduler, kConfigPlace);
  if (!scheduler.config.empty() && !mentioned)
    sink.Diagnose("config", "no argument says ${config}, where its path is to stand");
  if (scheduler.config.empty() && mentioned)
    sink.Diagnose("args", "${config} stands for the path of `config`, which is not given");
}

void Rules(const void* object, RuleSink& sink) {
  const auto& scheduler = *static_cast<const SchedulerDef*>(object);
  const int kinds = static_cast<int>(!scheduler.use.empty()) + static_cast<int>(!scheduler.binary.empty()) +
                    static_cast<int>(!scheduler.object.empty()) + static_cast<int>(scheduler.IsBuiltIn());
  if (kinds != 1)
    return sink.Diagnose(
        "",
        "give one of `binary`, `object` (a .bpf.o), `use` for a shipped one, and `enable` for "
        "one that the kernel has built in");
  if (!scheduler.use.empty() && vmm::FindShippedScheduler(scheduler.use) == nullptr)
    sink.Diagnose("use", vmm::UnknownScheduler(scheduler.use).message);
  CheckKeys(scheduler, sink);
  CheckConfig(scheduler, sink);
  for (const auto& [name, value] : scheduler.variables.items)
    if (!IsVariable(name))
      sink.Diagnose(JoinPath("variables", name), "'" + name + "' is not the name of a variable");
  if (scheduler.attach_timeout && scheduler.attach_timeout->ns <= 0)
    sink.Diagnose("attach_timeout", "it must be more than 0s");
  if (scheduler.attach_cpu_time && scheduler.attach_cpu_time->ns <= 0)
    sink.Diagnose("attach_cpu_time", "it must be more than 0s");
}

std::string ParseVariable(std::string_view text, void* value) {
  if (text.find('\n') != std::string_view::npos) return "it is one line";
  static_cast<VariableValue*>(value)->text = text;
  return {};
}

std::string PrintVariable(const void* value) { return static_cast<const VariableValue*>(value)->text; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string ParseFileValue(std::string_view text, void* value) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || text.find('\n') != std::string_view::npos)
    return "it is one line, PATH = VALUE";
  const std::string_view file = Trimmed(text.substr(0, equals));
  if (!(file.starts_with("/sys/") || file.starts_with("/proc/")) ||
      file.find("/..") != std::string_view::npos)
    return "'" + std::string(file) + "' is no file below /sys or /proc of the guest";
  static_cast<KernelFileValue*>(value)->file = file;
  static_cast<KernelFileValue*>(value)->value = Trimmed(text.substr(equals + 1));
  return {};
}

std::string PrintFileValue(const void* value) {
  const auto& written = *static_cast<const KernelFileValue*>(value);
  return written.file + " = " + written.value;
}

constexpr FieldDecl kSchedulerFields[] = {
    Optional<&SchedulerDef::use>(
        "use",
        "A shipped scheduler, by its name: `ktstr-interp schedulers list` has them, and `schedulers build` "
        "builds them."),
    Optional<&SchedulerDef::binary>(
        "binary",
        "The program that loads it: a path below the scenario file's directory, or a name beside it or on "
        "PATH.",
        {}, Refers::kFile),
    Optional<&SchedulerDef::object>(
        "object",
        "A BPF object file with a sched_ext_ops, which our own loader loads and attaches: a path below the "
        "scenario file's directory. `ktstr-interp schedulers build` builds that loader.",
        {}, Refers::kFile),
    Optional<&SchedulerDef::ops>("ops", "Which sched_ext_ops of the object, when it has several."),
    Optional<&SchedulerDef::variables>(
        "variables",
        "Global variables of the object, by name (`x`, `x.member`, `x[2]`), as they are to be when it is "
        "loaded: those of .rodata, .data and .bss."),
    Optional<&SchedulerDef::enable>(
        "enable",
        "Of a scheduler that the kernel has built in: what is written to which file, in this order, to have "
        "the kernel schedule by it."),
    Optional<&SchedulerDef::disable>("disable", "And what is written when it is detached."),
    Optional<&SchedulerDef::config>(
        "config",
        "A file for its program: a path below the scenario file's directory. `${config}` in `args` and `env` "
        "stands for its path in the guest.",
        {}, Refers::kFile),
    Optional<&SchedulerDef::args>("args",
                                  "Its arguments. `${cgroup_parent}` is the cgroup that all of the "
                                  "scenario's are made in, from the root of the hierarchy: `/ktstr`."),
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

constexpr Duration kAttachTimeout = Seconds(90);
constexpr Duration kAttachCpuTime = Seconds(35);
constexpr std::int64_t kVirtualFactor = 10;

}  // namespace

const ScalarDecl& VariableValue::Scalar() {
  static constexpr ScalarDecl kDecl{
      "VariableValue",
      "a number, an enumerator's name, a text for an array of char; of a bool 0 or "
      "1, or \"true\"",
      R"(^[^\n]*$)",
      "5000000, SCX_SLICE_DFL, worker",
      true,
      &ParseVariable,
      &PrintVariable};
  return kDecl;
}

const ScalarDecl& KernelFileValue::Scalar() {
  static constexpr ScalarDecl kDecl{"KernelFileValue",
                                    "a file below /sys or /proc of the guest, `=`, and what is written to it",
                                    R"(^ */(sys|proc)/[^=\n]+=[^\n]*$)",
                                    "/sys/kernel/debug/sched/features = NO_DELAY_DEQUEUE",
                                    false,
                                    &ParseFileValue,
                                    &PrintFileValue};
  return kDecl;
}

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
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<SchedulerDef>("Scheduler",
                                                  "A sched_ext scheduler: a program that loads it and stays "
                                                  "while it is attached, or a BPF object; or one "
                                                  "that the kernel has built in.",
                                                  kSchedulerFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

}  // namespace ktstr
