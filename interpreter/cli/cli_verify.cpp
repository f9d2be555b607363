#include "interpreter/cli/cli_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <ostream>

#include "guest-init/base/one_line.h"
#include "guest-init/base/printable.h"
#include "interpreter/cli/cli_commands.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/cli/cli_shared_options.h"
#include "interpreter/cli/cli_values.h"
#include "interpreter/cli/run_command_parts.h"
#include "interpreter/report/report_terminal.h"
#include "interpreter/report/run_directory.h"
#include "interpreter/run/signals.h"
#include "interpreter/verify/verify_report.h"
#include "ops/plan/suggest.h"
#include "vmm/host/host_file.h"
#include "vmm/host/host_tsc.h"

namespace ktstr {
namespace {

namespace fs = std::filesystem;

/// Two CPUs that share everything, and one with several caches and SMT: what most schedulers' code branches
/// on.
constexpr TopologySpec kUsualTopologies[] = {{1, 1, 2, 1}, {1, 2, 2, 2}};

std::string ReadWhole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What the scheduler's program wrote to standard error; it is the only program of its run.
std::string ErrorOutputOf(const std::string& directory) {
  std::error_code gone;
  if (directory.empty()) return {};
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, gone)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("payload-0-") && name.ends_with(".stderr")) return ReadWhole(entry.path());
  }
  return {};
}

/// One invocation.
class Verification {
 public:
  Verification(const CliOptions& options, Console& io, const RunWorld& world)
      : options_(options), io_(io), world_(world), topologies_(options.topologies) {
    if (topologies_.empty()) topologies_.assign(std::begin(kUsualTopologies), std::end(kUsualTopologies));
  }

  int Run() {
    if (const std::optional<int> code = Prepare()) return *code;
    Result<ResultsDirectory> results = ResultsDirectory::Create(options_.out);
    if (!results.ok()) return CommandError(io_, results.error().message);
    if (!results->latest_fault().empty()) CommandWarning(io_, results->latest_fault());
    total_.directory = results->path().string();
    // Kernels may have to be fetched. Until signals are watched they simply end the program.
    const std::vector<std::string> asked = KernelsAsked();
    std::vector<Result<vmm::Kernel>> kernels;
    for (const std::string& kernel : asked) kernels.push_back(Resolve(kernel));
    const Result<SignalWatch> signals = SignalWatch::Start();
    if (!signals.ok()) return CommandError(io_, signals.error().message);
    for (std::size_t i = 0; i < kernels.size() && signals->Caught().empty(); ++i) {
      kernel_asked_ = asked[i];
      const Result<> ran = RunOn(kernels[i], kernels.size() > 1, *results, *signals);
      if (!ran.ok()) return CommandError(io_, ran.error().message);
    }
    report_.interrupted_by = total_.interrupted_by = signals->Caught();
    return Finish();
  }

 private:
  /// What can be wrong before there is anything to keep; the exit code then.
  std::optional<int> Prepare() {
    if (const auto accel = vmm::ParseAccelRequest(options_.accel); !accel.ok())
      return UsageError(io_, accel.error().message);
    if (options_.max_growth && options_.baseline.empty())
      return UsageError(io_, "--max-growth compares with an earlier verification", "name it with --baseline");
    if (!options_.baseline.empty()) {
      Result<std::vector<VerifyResult>> baseline = ReadBaseline(options_.baseline);
      if (!baseline.ok()) return UsageError(io_, baseline.error().message);
      baseline_ = *std::move(baseline);
    }
    CollectSubjects();
    return ChooseSubjects();
  }

  void CollectSubjects() {
    const FoundScenarios found = FindScenarios(options_.paths);
    for (const PathDiagnostic& diagnostic : found.diagnostics) Unread(diagnostic.path, diagnostic.message);
    for (const ScenarioFile& file : found.files) {
      const LoadedScenario loaded = LoadScenario(file);
      if (!loaded.readable)
        Unread(loaded.file, loaded.diagnostics.front().message);
      else if (loaded.has_errors)
        Unread(loaded.file, BadScenarioCause(loaded.diagnostics));
      else
        AddDeclaredSchedulers(loaded, report_.subjects);
    }
    for (const SchedulerOverride& scheduler : options_.schedulers)
      AddNamedScheduler(scheduler, report_.subjects);
  }

  void Unread(const std::string& file, const std::string& why) {
    report_.unread.push_back(file + ": " + why);
    FinishedRun& run = total_.runs.emplace_back();
    run.file = run.name = file;
    run.outcome.cause = why;
  }

  /// Those that --filter leaves; the exit code when there are none.
  std::optional<int> ChooseSubjects() {
    std::vector<VerifySubject>& subjects = report_.subjects;
    std::vector<std::string> names;
    for (const VerifySubject& subject : subjects) names.push_back(subject.name);
    const auto fits = [&](const VerifySubject& subject) {
      return options_.filters.empty() ||
             std::any_of(options_.filters.begin(), options_.filters.end(),
                         [&](const std::string& filter) { return MatchesFilter(filter, subject.name); });
    };
    subjects.erase(
        std::remove_if(subjects.begin(), subjects.end(), [&](const VerifySubject& s) { return !fits(s); }),
        subjects.end());
    if (!subjects.empty()) return std::nullopt;
    if (!names.empty())
      return UsageError(io_, "no scheduler fits --filter", DidYouMean(options_.filters.front(), names));
    if (!report_.unread.empty()) {
      for (const std::string& file : report_.unread) io_.err << OneLine(file) << '\n';
      return CommandError(io_, "no scheduler is declared in what could be read");
    }
    return UsageError(io_,
                      options_.paths.empty() ? "there is no scheduler to verify"
                                             : "none of these scenarios declares a scheduler",
                      "name scenario files with `schedulers:`, or a program with --scheduler");
  }

  [[nodiscard]] std::vector<std::string> KernelsAsked() const {
    return options_.kernels.empty() ? std::vector<std::string>{""} : options_.kernels;
  }

  Result<vmm::Kernel> Resolve(const std::string& kernel) const {
    const char* const variable = std::getenv("KTSTR_KERNEL");
    return world_.resolve_kernel({kernel, variable == nullptr ? "" : variable},
                                 [this](std::string_view line) { TellLine(io_, line); });
  }

  Result<> RunOn(const Result<vmm::Kernel>& kernel, bool one_of_several, ResultsDirectory& results,
                 const SignalWatch& signals) {
    RunWorld world = world_;
    world.resolve_kernel = [&](const vmm::KernelRequest&, const vmm::KernelProgress&) { return kernel; };
    const std::string name = !kernel.ok()              ? ""
                             : kernel->package.empty() ? kernel->image.string()
                                                       : kernel->version;
    const Selection selection = Select(name, one_of_several && kernel.ok() ? kernel->version : "");
    const std::size_t first = report_.results.size();
    const RunPlace place{results, signals, [&](const FinishedRun& run) { Take(run); }};
    RunSummary summary = TRY(RunSelection(options_, io_, world, selection, place));
    for (std::size_t i = 0; i < summary.runs.size(); ++i)
      summary.runs[i].outcome.verdict = report_.results[first + i].verdict;
    std::move(summary.runs.begin(), summary.runs.end(), std::back_inserter(total_.runs));
    total_.not_run.insert(total_.not_run.end(), summary.not_run.begin(), summary.not_run.end());
    total_.elapsed_ms += summary.elapsed_ms;
    return {};
  }

  [[nodiscard]] Selection Select(const std::string& kernel, const std::string& variant) const {
    Selection selection;
    for (const VerifySubject& subject : report_.subjects) {
      LoadedScenario& loaded =
          selection.scenarios.emplace_back(VerifyScenario(subject, topologies_, variant));
      if (loaded.has_errors) selection.runs.push_back({&loaded, nullptr});
      for (const std::shared_ptr<const RunPlan>& plan : loaded.plans)
        selection.runs.push_back({&loaded, plan, RepeatWith(subject, *plan, kernel)});
    }
    return selection;
  }

  [[nodiscard]] std::string RepeatWith(const VerifySubject& subject, const RunPlan& plan,
                                       const std::string& kernel) const {
    std::string command = fmt::format("{} verify", ShellWord(options_.program));
    const auto add = [&](std::string_view option, std::string_view value) {
      command += fmt::format(" {} {}", option, ShellWord(value));
    };
    if (subject.def.from_user)
      add("--scheduler", CommandOf(subject.def));
    else
      command +=
          fmt::format(" {} --filter {}", ShellWord(subject.places.front()), ShellWord(subject.declared));
    add("--topology", vmm::FormatTopology(plan.scenario.topology.Concrete()));
    if (!kernel.empty()) add("--kernel", kernel);
    if (options_.accel != CliOptions().accel) add("--accel", options_.accel);
    if (options_.allow_host_files) command += " --allow-host-files";
    return command;
  }

  /// Of one combination, as soon as it is there.
  void Take(const FinishedRun& run) {
    const auto subject =
        std::find_if(report_.subjects.begin(), report_.subjects.end(),
                     [&](const VerifySubject& candidate) { return candidate.name == run.name; });
    VerifyResult result = MakeVerifyResult(run, *subject, ErrorOutputOf(run.directory));
    if (result.kernel.empty()) result.kernel = kernel_asked_;  // there is none of that name
    if (baseline_) CompareWith(*baseline_, result);
    JudgeLimits({options_.max_insns ? options_.max_insns : subject->def.max_insns, options_.max_growth},
                result);
    const double ms = run.outcome.machine.total_ms;
    io_.err << fmt::format("{} {}{}{}\n", PaintedVerdict(result.verdict, io_.color_err),
                           OneLine(result.scheduler), run.variant.empty() ? "" : " " + run.variant,
                           ms > 0 ? "  " + FormatElapsed(ms) : "")
            << std::flush;
    report_.results.push_back(std::move(result));
  }

  int Finish() {
    const std::string json = VerifyJson(report_, options_.raw);
    const Result<> kept = vmm::WriteHostFile(fs::path(total_.directory) / kVerifyFile, json);
    io_.out << (options_.json ? json : RenderVerifyTables(report_, {io_.color_out, options_.raw}));
    (options_.json ? io_.err : io_.out) << RenderTotals(total_) << std::flush;
    if (!kept.ok()) return CommandError(io_, kept.error().message);
    return ExitCode(WorstOf(total_));
  }

  const CliOptions& options_;
  Console& io_;
  const RunWorld& world_;
  std::vector<TopologySpec> topologies_;
  std::optional<std::vector<VerifyResult>> baseline_;
  std::string kernel_asked_;  // for the selection under way; "": whichever is there
  VerifyReport report_;
  RunSummary total_;
};

}  // namespace

void VerifyOptions(CLI::App& app, CliOptions& o) {
  AddPaths(app, o)->required(false);
  app.add_option_function<std::vector<std::string>>(
         "--scheduler",
         [&o](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             o.schedulers.push_back(ParseSchedulerOption(text));
             if (o.schedulers.back().name == kEevdf)
               throw CLI::ValidationError("--scheduler", "the kernel's own scheduler has no BPF programs");
           }
         },
         "this scheduler, beside those that the scenarios declare: a program's path, a shipped scheduler or "
         "a "
         "name on PATH; its arguments behind it, separated by spaces (repeatable)")
      ->type_name("\"PROGRAM [ARG]...\"")
      ->allow_extra_args(false);
  app.add_option(
         "--filter", o.filters,
         "only schedulers whose name contains TEXT, or matches it when it has one of *?[ (repeatable: "
         "any of them)")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_option("--kernel", o.kernels,
                 "a kernel image, or the version of a cached one (repeatable; default: as for `run`)")
      ->type_name("IMAGE")
      ->allow_extra_args(false);
  app.add_option_function<std::vector<std::string>>(
         "--topology",
         [&o](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) o.topologies.push_back(ParseTopologyOption(text));
         },
         "a machine such as 1n2l2c2t, or a preset's name (repeatable; default: 1n1l2c1t and 1n2l2c2t)")
      ->type_name("TOPOLOGY")
      ->allow_extra_args(false);
  app.add_option("--baseline", o.baseline,
                 "the results directory of an earlier `verify`: each count is shown with what it grew since")
      ->type_name("DIR");
  AddNumber(app, "--max-insns", o.max_insns, 1, kKernelMaxInsns,
            "fail when a program takes the verifier more than N instructions (default: the scheduler's "
            "`max_insns:`)");
  app.add_option_function<std::string>(
         "--max-growth", [&o](const std::string& text) { o.max_growth = ParseGrowthOption(text); },
         "fail when a program, or all of a scheduler together, grew by more than this since the baseline")
      ->type_name("PERCENT");
  app.add_flag("--raw", o.raw, "show the verifier's logs whole, with every round of a loop");
  app.add_flag("--json", o.json, "as JSON");
  AddOut(app, o);
  app.add_flag("--require", o.require, "a kernel without sched_ext is an error, not skipped");
  AddJobs(app, o);
  AddMachine(app, o);
  app.add_flag("-v,--verbose", o.verbose, "show every event of a run");
}

int VerifySchedulers(const CliOptions& options, Console& io, const RunWorld& world) {
  return Verification(options, io, world).Run();
}

int VerifyCommand(const CliOptions& options, Console& io) {
  vmm::BeginHostTsc();
  return VerifySchedulers(options, io, RealWorld());
}

}  // namespace ktstr
