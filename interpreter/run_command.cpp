#include "interpreter/run_command.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <chrono>
#include <cstdlib>
#include <ostream>

#include "interpreter/cli_commands.h"
#include "interpreter/cli_select.h"
#include "interpreter/json_value.h"
#include "interpreter/report_json.h"
#include "interpreter/report_junit.h"
#include "interpreter/report_plan.h"
#include "interpreter/report_progress.h"
#include "interpreter/report_terminal.h"
#include "interpreter/run_command_parts.h"
#include "interpreter/run_directory.h"
#include "interpreter/signals.h"
#include "vmm/cache_dir.h"
#include "vmm/machine_supply.h"

namespace ktstr {
namespace {

/// Default checks that the file does not mention have no place in it.
void ForgetDefaultsPlace(RunOutcome& outcome) {
  for (CheckResult& check : outcome.checks)
    if (check.path.starts_with("defaults")) check.path.clear();
  if (outcome.cause_path.starts_with("defaults")) outcome.cause_path.clear();
}

/// A private directory under $TMPDIR, removed with all it holds.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> Make() {
    std::error_code error;
    std::filesystem::path base = std::filesystem::temp_directory_path(error);
    if (error) base = "/tmp";
    std::string name = (base / "ktstr-interp-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      return Error{ErrorKind::kEnvironment,
                   fmt::format("no directory for temporary files can be made in '{}'", base.string())};
    return ScratchDirectory(name);
  }
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// Tells several sinks the same.
class Tee final : public EventSink {
 public:
  Tee(EventSink& a, EventSink& b) : a_(a), b_(b) {}
  void OnEvent(const RunEvent& event) override {
    a_.OnEvent(event);
    b_.OnEvent(event);
  }
  void OnConsole(std::string_view bytes) override {
    a_.OnConsole(bytes);
    b_.OnConsole(bytes);
  }
  void OnCrashText(std::string_view bytes) override {
    a_.OnCrashText(bytes);
    b_.OnCrashText(bytes);
  }
  void OnPayloadOutput(std::uint32_t handle, std::string_view payload, Stream stream,
                       std::string_view bytes) override {
    a_.OnPayloadOutput(handle, payload, stream, bytes);
    b_.OnPayloadOutput(handle, payload, stream, bytes);
  }

 private:
  EventSink& a_;
  EventSink& b_;
};

/// One invocation of `run`, its world and its results.
class Runner {
 public:
  Runner(const CliOptions& options, CliIo& io, const RunWorld& world, const Selection& selection)
      : options_(options),
        io_(io),
        world_(world),
        selection_(selection),
        items_(Items()),
        progress_(io, items_.size(), options.verbose) {}

  int Run() {
    for (const PathFault& fault : selection_.faults) {
      FinishedRun run;
      run.file = run.name = fault.path;
      run.outcome.cause = fault.message;
      Report(std::move(run));
    }
    const bool anything_runs = std::any_of(items_.begin(), items_.end(),
                                           [](const Item& item) { return item.run->variant.has_value(); });
    if (anything_runs) {
      if (const Result<> prepared = Prepare(); !prepared.ok())
        return CommandError(io_, prepared.error().message);
    }
    RunAll();
    return Finish();
  }

 private:
  struct Item {
    const SelectedRun* run = nullptr;
    std::uint32_t repeat = 0;
  };

  std::vector<Item> Items() const {
    std::vector<Item> items;
    for (const SelectedRun& run : selection_.runs) {
      const std::uint32_t times = run.variant ? options_.repeat : 1;
      for (std::uint32_t i = 1; i <= times; ++i) items.push_back({&run, times > 1 ? i : 0});
    }
    return items;
  }

  /// What every run needs, and without which nothing can be kept or cleaned up.
  Result<> Prepare() {
    results_.emplace(TRY(ResultsDirectory::Create(options_.out)));
    summary_.directory = results_->path().string();
    if (!results_->latest_fault().empty())
      io_.err << "ktstr-interp: warning: " << results_->latest_fault() << '\n';
    // The kernel may have to be fetched. Until signals are watched they simply end the program.
    const char* variable = std::getenv("KTSTR_KERNEL");
    Result<vmm::Kernel> kernel =
        world_.resolve_kernel({options_.kernel, variable == nullptr ? "" : variable},
                              [this](std::string_view line) { io_.err << line << std::endl; });
    if (kernel.ok()) {
      summary_.kernel = environment_.kernel = std::move(kernel).value();
    } else {
      host_fault_ = kernel.error().message;
    }
    signals_.emplace(TRY(SignalWatch::Start()));
    scratch_.emplace(TRY(ScratchDirectory::Make()));
    environment_.qemu = options_.qemu;
    environment_.scratch = scratch_->path();
    environment_.cancel_fd = signals_->fd();
    environment_.clone = !options_.no_clone;
    environment_.fixed_entropy = options_.seed.has_value();
    if (!options_.no_clone) OpenShelf();
    supply_.emplace(shelf_ ? &*shelf_ : nullptr, scratch_->path(), signals_->fd());
    environment_.supply = &*supply_;
    return {};
  }

  /// Without a place for templates everything is booted, which takes longer and is otherwise the same.
  void OpenShelf() {
    const auto open = [this]() -> Result<vmm::TemplateStore> {
      return vmm::TemplateStore::Open(TRY(vmm::CacheSubdir("templates")), options_.cache_bytes);
    };
    Result<vmm::TemplateStore> store = open();
    if (store.ok()) {
      shelf_.emplace(*std::move(store), [this](std::string_view line) { io_.err << line << std::endl; });
    } else {
      io_.err << "ktstr-interp: warning: " << store.error().message << "; every machine is booted\n";
    }
  }

  void RunAll() {
    bool stop = false;
    for (const Item& item : items_) {
      if (!stop && summary_.interrupted_by.empty() && signals_) summary_.interrupted_by = signals_->Caught();
      FinishedRun run = Describe(item);
      if (stop || !summary_.interrupted_by.empty()) {
        summary_.not_run.push_back(TitleOf(run));
        continue;
      }
      Execute(item, run);
      stop = options_.fail_fast && run.outcome.verdict > Verdict::kSkip;
      Report(std::move(run));
    }
    if (signals_ && summary_.interrupted_by.empty()) summary_.interrupted_by = signals_->Caught();
  }

  FinishedRun Describe(const Item& item) const {
    const LoadedScenario& loaded = *item.run->scenario;
    FinishedRun run;
    run.file = loaded.file;
    run.name = loaded.scenario.name;
    run.repeat = item.repeat;
    run.repeats = options_.repeat;
    run.seed = loaded.scenario.seed;
    if (!item.run->variant) return run;
    run.variant = item.run->variant->name;
    run.topology = vmm::FormatTopology(item.run->variant->topology.Concrete());
    run.kernel = summary_.kernel.version;
    return run;
  }

  void Execute(const Item& item, FinishedRun& run) {
    const LoadedScenario& loaded = *item.run->scenario;
    if (!loaded.readable) {
      run.outcome.cause = loaded.findings.front().message;
      return;
    }
    if (!item.run->variant) {
      run.findings = loaded.findings;
      run.outcome.cause = BadScenarioCause(loaded.findings);
      return;
    }
    if (!host_fault_.empty()) {
      run.outcome.cause = host_fault_;
      return;
    }
    const std::optional<KernelRequirement>& needs = loaded.scenario.kernel;
    if (needs) run.outcome.cause = UnmetRequirement(*needs, summary_.kernel);
    const Result<> fits = vmm::CheckApicIds(item.run->variant->topology.Concrete());
    if (run.outcome.cause.empty() && !fits.ok()) run.outcome.cause = fits.error().message;
    if (!run.outcome.cause.empty()) {
      if (!options_.require) run.outcome.verdict = Verdict::kSkip;
      return;
    }
    if (!accel_known_) ChooseAccel();
    if (host_fault_.empty()) return Boot(item, run);
    run.outcome.cause = host_fault_;
  }

  void ChooseAccel() {
    accel_known_ = true;
    const Result<vmm::AccelRequest> request = vmm::ParseAccelRequest(options_.accel);
    const Result<vmm::AccelChoice> choice = request.ok() ? world_.choose_accel(*request, environment_)
                                                         : Result<vmm::AccelChoice>(request.error());
    if (!choice.ok()) {
      host_fault_ = choice.error().message;
      if (choice.error().kind == ErrorKind::kCancelled) host_fault_ = InterruptedCause(signals_->Caught());
      return;
    }
    environment_.accel = choice->accel;
    summary_.accel = vmm::AccelName(choice->accel);
    summary_.accel_reason = choice->reason;
    io_.err << StartLine(summary_, ClocksOf(selection_)) << std::flush;
  }

  void Boot(const Item& item, FinishedRun& run) {
    const LoadedScenario& loaded = *item.run->scenario;
    const RunVariant& variant = *item.run->variant;
    const Scenario scenario = OnlyVariant(loaded.scenario, variant);
    RunDirectory directory(results_->NewRun(run.name, run.variant, run.repeat));
    Diagnostics none;  // the scenario has been checked
    directory.WriteInputs(fmt::format("# {} as it was run\n{}", TitleOf(run), ToYaml(scenario)),
                          TitleOf(run) + "\n" + RenderPlan(scenario, MakePlan(scenario, variant, none)));
    run.directory = directory.path().string();
    run.repeat_command = RepeatCommand(options_, loaded, variant, summary_);

    progress_.Begin(TitleOf(run));
    Tee sinks(progress_, directory);
    run.outcome = world_.run_scenario(loaded.scenario, variant, loaded.directory, environment_, sinks);
    progress_.End();

    if (const std::string signal = signals_->Caught();
        !signal.empty() && run.outcome.verdict == Verdict::kError &&
        run.outcome.cause.find("interrupted") != std::string::npos) {
      run.outcome.cause = InterruptedCause(signal);
      run.interrupted = true;
    }
    if (loaded.document.Find("defaults") == nullptr) ForgetDefaultsPlace(run.outcome);
    if (!run.outcome.cause_path.empty()) {
      run.cause_place = PlaceOf(loaded, run.outcome.cause_path);
      run.cause_source = SourceAt(loaded, run.outcome.cause_path);
    }
    directory.WriteResults(run);
    run.directory_fault = directory.fault();
    DropBulk(run.outcome.record);
  }

  void Report(FinishedRun run) {
    std::ostream& to = Pretty() ? io_.out : io_.err;
    to << RenderRun(run, options_.program, Pretty() ? io_.color_out : io_.color_err) << std::flush;
    summary_.runs.push_back(std::move(run));
  }

  int Finish() {
    summary_.elapsed_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
    (Pretty() ? io_.out : io_.err) << RenderTotals(summary_) << std::flush;
    if (options_.format == "json") io_.out << RenderJsonReport(summary_);
    if (options_.format == "junit") io_.out << RenderJunit(summary_, options_.program);
    return ExitCode(WorstOf(summary_));
  }

  [[nodiscard]] bool Pretty() const { return options_.format == "pretty"; }

  const CliOptions& options_;
  CliIo& io_;
  const RunWorld& world_;
  const Selection& selection_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::vector<Item> items_;
  std::optional<SignalWatch> signals_;  // before what starts threads or processes
  Progress progress_;
  std::optional<ScratchDirectory> scratch_;
  std::optional<ResultsDirectory> results_;
  std::optional<vmm::TemplateShelf> shelf_;
  std::optional<vmm::MachineSupply> supply_;
  RunEnvironment environment_;
  RunSummary summary_;
  bool accel_known_ = false;
  std::string host_fault_;  // why nothing can be booted on this host
};

Result<vmm::AccelChoice> ChooseRealAccel(vmm::AccelRequest request, const RunEnvironment& environment) {
  const vmm::AccelSubject subject{TRY(vmm::FindQemu(environment.qemu)), environment.kernel.image};
  return vmm::ResolveAccel(
      request, subject, [&] { return ProveKvm(environment); }, TRY(vmm::CacheDir()));
}

}  // namespace

RunWorld RealWorld() { return {&vmm::ResolveKernel, &ChooseRealAccel, &RunScenario}; }

int RunScenarios(const CliOptions& options, CliIo& io, const RunWorld& world) {
  if (const auto accel = vmm::ParseAccelRequest(options.accel); !accel.ok())
    return UsageError(io, accel.error().message);
  const Result<Selection> selection = Select(options);
  if (!selection.ok()) return UsageError(io, selection.error().message);
  return Runner(options, io, world, *selection).Run();
}

int RunCommand(const CliOptions& options, CliIo& io) {
  return options.dry_run ? DryRunCommand(options, io) : RunScenarios(options, io, RealWorld());
}

}  // namespace ktstr
