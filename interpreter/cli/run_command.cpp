#include "interpreter/cli/run_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ostream>

#include "interpreter/cli/cli_commands.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/cli/run_command_parts.h"
#include "interpreter/cli/run_jobs.h"
#include "interpreter/cli/run_slot_worker.h"
#include "interpreter/report/kept_results.h"
#include "interpreter/report/report_json.h"
#include "interpreter/report/report_junit.h"
#include "interpreter/report/report_progress.h"
#include "interpreter/report/report_terminal.h"
#include "interpreter/report/run_directory.h"
#include "interpreter/run/guest_observer.h"
#include "interpreter/run/run.h"
#include "interpreter/run/scratch_directory.h"
#include "interpreter/run/signals.h"
#include "vmm/host/cache_dir.h"
#include "vmm/host/host_tsc.h"
#include "vmm/machine/memory_size.h"

namespace ktstr {
namespace {

/// One invocation of `run`, its world and its results.
class Runner {
 public:
  /// `place`: null, and the results have a directory of their own and are told on the terminal.
  Runner(const CliOptions& options, Console& io, const RunWorld& world, const Selection& selection,
         const RunPlace* place)
      : options_(options), io_(io), world_(world), selection_(selection), place_(place) {}

  Result<RunSummary> Run() {
    for (const PathDiagnostic& diagnostic : selection_.diagnostics) {
      FinishedRun run;
      run.file = run.name = diagnostic.path;
      run.outcome.cause = diagnostic.message;
      Report(std::move(run));
    }
    const bool anything_runs = std::any_of(selection_.runs.begin(), selection_.runs.end(),
                                           [](const SelectedRun& run) { return run.plan != nullptr; });
    if (anything_runs) TRY(Prepare());
    CollectItems();
    const auto takes_machine = [](const RunItem& item) { return !item.settled; };
    if (std::any_of(items_.begin(), items_.end(), takes_machine)) ChooseAccel();
    if (std::any_of(items_.begin(), items_.end(), takes_machine)) {
      RunAll();
    } else {
      ReportSettled();
    }
    if (signals_ != nullptr) summary_.interrupted_by = signals_->Caught();
    summary_.elapsed_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
    return std::move(summary_);
  }

 private:
  /// What every run needs, and without which nothing can be kept or cleaned up.
  Result<> Prepare() {
    if (place_ == nullptr) {
      own_results_.emplace(TRY(options_.resume.empty() ? ResultsDirectory::Create(options_.out)
                                                       : ResultsDirectory::Reopen(options_.resume)));
      if (!own_results_->latest_fault().empty()) CommandWarning(io_, own_results_->latest_fault());
    }
    results_ = place_ == nullptr ? &*own_results_ : &place_->results;
    summary_.directory = results_->path().string();
    // The kernel may have to be fetched. Until signals are watched they simply end the program.
    const char* variable = std::getenv("KTSTR_KERNEL");
    Result<vmm::Kernel> kernel =
        world_.resolve_kernel({options_.kernel, variable == nullptr ? "" : variable},
                              [this](std::string_view line) { TellLine(io_, line); });
    if (kernel.ok()) {
      summary_.kernel = environment_.kernel = std::move(kernel).value();
    } else {
      host_fault_ = kernel.error().message;
    }
    if (place_ == nullptr) own_signals_.emplace(TRY(SignalWatch::Start()));
    signals_ = place_ == nullptr ? &*own_signals_ : &place_->signals;
    if (place_ == nullptr && options_.resume.empty()) KeepInvocation();
    scratch_.emplace(TRY(ScratchDirectory::Make()));
    environment_.qemu = options_.qemu;
    environment_.observers = &observers_;
    environment_.scratch = scratch_->path();
    environment_.cancel_fd = signals_->fd();
    environment_.clone = !options_.no_clone;
    environment_.host_files = options_.allow_host_files;
    environment_.fixed_entropy = options_.seed.has_value();
    return {};
  }

  /// For those who finish what this invocation leaves. Without it all else goes well.
  void KeepInvocation() {
    std::error_code error;
    const Invocation invocation = {std::filesystem::current_path(error), options_.arguments,
                                   summary_.kernel.image.string()};
    if (const Result<> kept = WriteInvocation(results_->path(), invocation); !kept.ok())
      CommandWarning(io_, kept.error().message);
  }

  // ---- what there is to do ----

  void CollectItems() {
    for (const SelectedRun& selected : selection_.runs) {
      const std::uint32_t times = selected.plan != nullptr ? options_.repeat : 1;
      for (std::uint32_t i = 1; i <= times; ++i) {
        RunItem& item = items_.emplace_back(selected, Describe(selected, times > 1 ? i : 0));
        Settle(item);
        if (selected.plan == nullptr) continue;
        // Also for one that will not run: names must not depend on what this host can do.
        item.directory = results_->NewRun(item.run.name, item.run.variant, item.run.repeat);
        if (!options_.resume.empty()) TakeKeptResult(item);
      }
    }
    FindCompared();
  }

  /// Each item and the ones that it is compared with are of the same scenario and turn of --repeat.
  void FindCompared() {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].selected->plan == nullptr) continue;
      for (const std::string& variant : items_[i].selected->plan->compared_with)
        for (std::size_t other = 0; other < i; ++other)
          if (items_[other].selected->scenario == items_[i].selected->scenario &&
              items_[other].run.variant == variant && items_[other].run.repeat == items_[i].run.repeat)
            items_[i].compared_with.push_back(other);
    }
  }

  /// What the earlier invocation finished is not run again; what it began is moved out of the way.
  void TakeKeptResult(RunItem& item) const {
    if (TakeKept(item.directory, PlanText(item), item.run)) {
      item.settled = true;
    } else if (const Result<> aside = SetAside(item.directory); !aside.ok()) {
      item.settled = true;
      item.run.outcome.cause = aside.error().message;
    }
  }

  FinishedRun Describe(const SelectedRun& selected, std::uint32_t repeat) const {
    const LoadedScenario& loaded = *selected.scenario;
    FinishedRun run;
    run.file = loaded.file;
    run.name = loaded.scenario.name;
    run.repeat = repeat;
    run.repeats = options_.repeat;
    run.seed = loaded.scenario.seed;
    if (selected.plan == nullptr) return run;
    run.variant = selected.plan->variant;
    run.topology = vmm::FormatTopology(selected.plan->scenario.topology.Concrete());
    run.kernel = summary_.kernel.version;
    return run;
  }

  /// Whether, and why, an item comes to nothing on any machine.
  void Settle(RunItem& item) const {
    const LoadedScenario& loaded = *item.selected->scenario;
    RunOutcome& outcome = item.run.outcome;
    if (!loaded.readable) {
      outcome.cause = loaded.diagnostics.front().message;
    } else if (item.selected->plan == nullptr) {
      item.run.diagnostics = loaded.diagnostics;
      outcome.cause = BadScenarioCause(loaded.diagnostics);
    } else if (!host_fault_.empty()) {
      outcome.cause = host_fault_;
    } else {
      // The plan's, which has what follows from the work too.
      const std::optional<KernelRequirement>& kernel = item.selected->plan->scenario.kernel;
      if (kernel) outcome.cause = UnmetRequirement(*kernel, summary_.kernel);
      if (options_.scheduler && !item.selected->plan->scenario.scheduler_from_user)
        outcome.cause = "it says itself under which scheduler it runs, and --scheduler asks for another";
      const Result<> fits = vmm::CheckApicIds(item.selected->plan->scenario.topology.Concrete());
      if (outcome.cause.empty() && !fits.ok()) outcome.cause = fits.error().message;
      if (!outcome.cause.empty() && !options_.require) outcome.verdict = Verdict::kSkip;
    }
    item.settled = !outcome.cause.empty();
  }

  void ChooseAccel() {
    const Result<vmm::AccelRequest> request = vmm::ParseAccelRequest(options_.accel);
    const Result<vmm::AccelChoice> choice = request.ok() ? world_.choose_accel(*request, environment_)
                                                         : Result<vmm::AccelChoice>(request.error());
    if (!choice.ok()) {
      host_fault_ = choice.error().message;
      if (choice.error().kind == ErrorKind::kCancelled) host_fault_ = InterruptedCause(signals_->Caught());
      for (RunItem& item : items_)
        if (!item.settled) Settle(item);
      return;
    }
    environment_.accel = choice->accel;
    summary_.accel = vmm::AccelName(choice->accel);
    summary_.accel_reason = choice->reason;
    io_.err << StartLine(summary_, ClocksOf(selection_)) << std::flush;
  }

  // ---- doing it ----

  void RunAll() {
    const vmm::HostCapacity host = world_.host();
    const Jobs jobs = ChooseJobs(options_.jobs, NeedOf(items_, environment_.accel), host);
    if (options_.verbose) io_.err << fmt::format("jobs: {} ({})\n", jobs.count, jobs.reason) << std::flush;
    Progress progress(io_, items_.size(), options_.verbose);
    if (jobs.count > 1) progress.ExpectSeveral();
    std::optional<vmm::OpenTemplates> templates;
    if (!options_.no_clone) OpenTemplateCache(templates, progress);
    vmm::MemoryBudget budget(host.memory_mib);
    ReadyItems ready;
    std::optional<RunShared> shared;
    std::atomic<int> hired = 0;
    SlotWork work;
    work.hire = [&] {
      return std::make_unique<RunSlotWorker>(*shared, scratch_->path() / fmt::format("slot{}", ++hired));
    };
    work.stop = [&] { return !signals_->Caught().empty(); };
    work.failed = [&](std::size_t index, const std::string& what) {
      items_[index].run.outcome = {};
      items_[index].run.outcome.cause = "internal error: " + what;
      return !options_.fail_fast;
    };
    work.report = [&](std::size_t index, bool started) {
      progress.Aside([&] { ReportItem(items_[index], started); });
    };
    RunSlots slots(items_.size(), std::move(work));
    shared.emplace(RunShared{options_, world_, summary_, *signals_, templates ? &*templates : nullptr,
                             environment_, budget, progress, items_, slots, ready});
    slots.Run(jobs.count);
  }

  /// Without a place for templates everything is booted, which takes longer and is otherwise the same.
  void OpenTemplateCache(std::optional<vmm::OpenTemplates>& templates, Progress& progress) {
    const auto open = [this]() -> Result<vmm::TemplateCache> {
      return vmm::TemplateCache::Open(TRY(vmm::CacheSubdir("templates")), options_.cache_bytes);
    };
    Result<vmm::TemplateCache> cache = open();
    if (cache.ok()) {
      templates.emplace(
          *std::move(cache), vmm::KnownFiles::InCache(),
          [this, &progress](std::string_view line) { progress.Aside([&] { TellLine(io_, line); }); });
    } else {
      CommandWarning(io_, cache.error().message + "; every machine is booted");
    }
  }

  void ReportSettled() {
    bool stop = false;
    for (RunItem& item : items_) {
      const Verdict verdict = item.run.outcome.verdict;
      ReportItem(item, !stop);
      stop = stop || (options_.fail_fast && verdict > Verdict::kSkip);
    }
  }

  void ReportItem(RunItem& item, bool started) {
    if (started && !item.not_run) {
      Report(std::move(item.run));
    } else {
      summary_.not_run.push_back(TitleOf(item.run));
    }
  }

  void Report(FinishedRun run) {
    if (place_ != nullptr) {
      place_->tell(run);
    } else {
      const bool pretty = options_.format == "pretty";
      (pretty ? io_.out : io_.err) << RenderRun(run, options_.program, pretty ? io_.color_out : io_.color_err)
                                   << std::flush;
    }
    const std::string& confinement = run.outcome.machine.confinement;
    if (options_.verbose && !confinement.empty()) io_.err << "QEMU: " << confinement << '\n' << std::flush;
    summary_.runs.push_back(std::move(run));
  }

  const CliOptions& options_;
  Console& io_;
  const RunWorld& world_;
  const Selection& selection_;
  const RunPlace* place_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::deque<RunItem> items_;
  std::optional<SignalWatch> own_signals_;  // before what starts threads or processes
  const SignalWatch* signals_ = nullptr;
  std::optional<ScratchDirectory> scratch_;
  std::optional<ResultsDirectory> own_results_;
  ResultsDirectory* results_ = nullptr;
  ObserverCache observers_;
  RunEnvironment environment_;
  RunSummary summary_;
  std::string host_fault_;  // why nothing can be booted on this host
};

Result<vmm::AccelChoice> ChooseRealAccel(vmm::AccelRequest request, const RunEnvironment& environment) {
  const vmm::AccelSubject subject{TRY(vmm::FindQemu(environment.qemu)), environment.kernel.image};
  // Without a cache the answer holds for this invocation.
  const Result<std::filesystem::path> cache = vmm::CacheDir();
  return vmm::ResolveAccel(
      request, subject, [&] { return ProveKvm(environment); }, cache.ok() ? *cache : environment.scratch);
}

}  // namespace

Result<RunSummary> RunSelection(const CliOptions& options, Console& io, const RunWorld& world,
                                const Selection& selection, const RunPlace& place) {
  return Runner(options, io, world, selection, &place).Run();
}

RunWorld RealWorld() { return {&vmm::ResolveKernel, &ChooseRealAccel, &RunScenario}; }

int RunScenarios(const CliOptions& options, Console& io, const RunWorld& world) {
  if (const auto accel = vmm::ParseAccelRequest(options.accel); !accel.ok())
    return UsageError(io, accel.error().message);
  const Result<Selection> selection = Select(options);
  if (!selection.ok()) return UsageError(io, selection.error().message);
  const Result<RunSummary> summary = Runner(options, io, world, *selection, nullptr).Run();
  if (!summary.ok()) return CommandError(io, summary.error().message);
  (options.format == "pretty" ? io.out : io.err) << RenderTotals(*summary) << std::flush;
  if (options.format == "json") io.out << RenderJsonReport(*summary);
  if (options.format == "junit") io.out << RenderJunit(*summary, options.program);
  return ExitCode(WorstOf(*summary));
}

int RunCommand(const CliOptions& options, Console& io) {
  if (options.dry_run) return DryRunCommand(options, io);
  vmm::BeginHostTsc();
  return RunScenarios(options, io, RealWorld());
}

}  // namespace ktstr
