#include "interpreter/cli/run_slot_worker.h"

#include <fmt/format.h>

#include <chrono>

#include "interpreter/cli/run_command_parts.h"
#include "interpreter/cli/tee.h"
#include "interpreter/report/json_value.h"
#include "interpreter/report/report_plan.h"
#include "interpreter/report/run_directory.h"
#include "interpreter/run/for_others.h"
#include "interpreter/run/run_guest.h"

namespace ktstr {
namespace {

/// Default checks that the file does not mention have no place in it.
void ForgetDefaultsPlace(RunOutcome& outcome) {
  for (CheckResult& check : outcome.checks)
    if (check.path.starts_with("defaults")) check.path.clear();
  if (outcome.cause_path.starts_with("defaults")) outcome.cause_path.clear();
}

/// The path itself, once it is there; without it the machine says what is wrong.
const std::filesystem::path& Made(const std::filesystem::path& directory) {
  std::error_code shown_later;
  std::filesystem::create_directory(directory, shown_later);
  return directory;
}

/// Whatever becomes of an item, those that are compared with it do not wait for ever.
class KeepsPromise {
 public:
  explicit KeepsPromise(RunItem& item) : item_(item) {}
  KeepsPromise(const KeepsPromise&) = delete;
  ~KeepsPromise() {
    const RunOutcome& outcome = item_.run.outcome;
    item_.for_others.set_value(outcome.for_others ? *outcome.for_others
                                                  : NothingForOthers(item_.run.variant, outcome));
  }

 private:
  RunItem& item_;
};

}  // namespace

std::string PlanText(const RunItem& item) {
  return TitleOf(item.run) + "\n" + RenderPlan(*item.selected->plan);
}

RunSlotWorker::RunSlotWorker(RunShared& shared, const std::filesystem::path& scratch)
    : shared_(shared),
      environment_(shared.environment),
      pool_(shared.templates, Made(scratch), shared.environment.cancel_fd) {
  environment_.scratch = scratch;
  environment_.pool = &pool_;
  environment_.after_take = [this] { PrepareNext(); };
}

RunSlotWorker::~RunSlotWorker() { DropPromise(); }

bool RunSlotWorker::Run(std::size_t index) {
  RunItem& item = shared_.items[index];
  DropPromise();
  const KeepsPromise numbers(item);
  if (!item.settled) AwaitCompared(item);
  if (!item.settled && Admit(item)) {
    Execute(item);
    share_.reset();
  }
  return !shared_.options.fail_fast || item.run.outcome.verdict <= Verdict::kSkip;
}

void RunSlotWorker::AwaitCompared(const RunItem& item) {
  compared_.clear();
  for (const std::size_t index : item.compared_with) {
    const std::shared_future<VariantNumbers>& numbers = shared_.items[index].its_numbers;
    if (numbers.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      // What it waits for may need this memory.
      pool_.Release();
      prepared_share_.reset();
    }
    compared_.push_back(numbers.get());
  }
  environment_.compared = compared_;
}

bool RunSlotWorker::Admit(RunItem& item) {
  const vmm::TemplateSpec* shape = ShapeOf(item);
  if (shape == nullptr) return true;  // the run itself tells what is wrong
  const std::uint64_t guest_mib = shape->machine.memory_mib;
  if (prepared_share_ && prepared_share_->guest_mib() == guest_mib) {
    share_ = std::move(prepared_share_);
    prepared_share_.reset();
    return true;
  }
  // Release everything before blocking: two slots could deadlock otherwise.
  pool_.Release();
  prepared_share_.reset();
  Result<vmm::MemoryBudget::Share> share =
      shared_.budget.Take(guest_mib, [this] { return !shared_.signals.Caught().empty(); });
  if (share.ok()) {
    share_ = *std::move(share);
    return true;
  }
  item.not_run = share.error().kind == ErrorKind::kCancelled;
  item.run.outcome.cause = share.error().message;
  return false;
}

void RunSlotWorker::Execute(RunItem& item) {
  const LoadedScenario& loaded = *item.selected->scenario;
  const RunPlan& plan = *item.selected->plan;
  FinishedRun& run = item.run;
  RunDirectory directory(item.directory);
  directory.WriteInputs(fmt::format("# {} as it was run\n{}", TitleOf(run), ToYaml(plan.scenario)),
                        PlanText(item));
  run.directory = directory.path().string();
  run.repeat_command = item.selected->repeat_command;
  if (run.repeat_command.empty())
    run.repeat_command = RepeatCommand(shared_.options, *item.selected, shared_.summary);
  {
    const auto shown = shared_.progress.Begin(TitleOf(run));
    Tee sinks(*shown, directory);
    run.outcome = shared_.world.run_scenario(plan, loaded.directory, environment_, sinks);
  }
  if (const std::string signal = shared_.signals.Caught();
      !signal.empty() && run.outcome.verdict == Verdict::kError &&
      run.outcome.cause.find("interrupted") != std::string::npos) {
    run.outcome.cause = InterruptedCause(signal);
    run.interrupted = true;
  }
  item.cause_path = run.outcome.cause_path;
  if (loaded.document.Find("defaults") == nullptr) ForgetDefaultsPlace(run.outcome);
  if (!run.outcome.cause_path.empty()) {
    run.cause_place = PlaceOf(loaded, run.outcome.cause_path);
    run.cause_source = SourceAt(loaded, run.outcome.cause_path);
  }
  directory.WriteResults(run);
  if (run.outcome.verdict == Verdict::kFail) {
    const bool again = RunAgain(item);
    if (Probe(item, directory) || again) directory.WriteResults(run);
  }
  run.directory_fault = directory.fault();
  DropBulk(run.outcome.record);
}

bool RunSlotWorker::RunAgain(RunItem& item) {
  const RunPlan& plan = *item.selected->plan;
  const std::uint32_t times = shared_.options.rerun.value_or(plan.scenario.on_failure.rerun);
  if (times == 0 || plan.scenario.clock == Clock::kVirtual) return false;
  Reruns& reruns = item.run.reruns.emplace();
  for (std::uint32_t i = 1; i <= times && shared_.signals.Caught().empty(); ++i) {
    RunDirectory directory(item.directory / fmt::format("rerun-{}", i));
    FinishedRun run = item.run;
    run.reruns.reset();
    run.directory = directory.path().string();
    directory.WriteInputs(ToYaml(plan.scenario), PlanText(item));
    const auto shown = shared_.progress.Begin(fmt::format("{}, again {} of {}", TitleOf(run), i, times));
    run.outcome =
        shared_.world.run_scenario(plan, item.selected->scenario->directory, environment_, directory);
    if (!shared_.signals.Caught().empty()) break;  // it was broken off
    ++reruns.runs;
    const bool failed = run.outcome.verdict == Verdict::kFail;
    reruns.failed += failed ? 1 : 0;
    reruns.alike += failed && run.outcome.cause_path == item.cause_path ? 1 : 0;
    reruns.passed += run.outcome.verdict == Verdict::kPass ? 1 : 0;
    directory.WriteResults(run);
  }
  return true;
}

void RunSlotWorker::PrepareNext() {
  if (shared_.templates == nullptr || !environment_.clone || !shared_.signals.Caught().empty()) return;
  DropPromise();  // of a machine that was not to be had
  {
    // The next that no other slot has a machine for: with fewer left than slots, some prepare nothing.
    const std::lock_guard lock(shared_.ready.mutex);
    std::size_t next = shared_.slots.unclaimed();
    while (next < shared_.items.size() &&
           (shared_.items[next].settled || shared_.ready.indices.contains(next)))
      ++next;
    if (next == shared_.items.size()) return;
    shared_.ready.indices.insert(next);
    promise_ = next;
  }
  const vmm::TemplateSpec* shape = ShapeOf(shared_.items[*promise_]);
  if (shape == nullptr) return DropPromise();
  std::shared_ptr<const vmm::Template> known = shared_.templates->Known(*shape);
  if (!known) return DropPromise();
  pool_.Release();
  prepared_share_.reset();
  prepared_share_ = shared_.budget.TryTake(shape->machine.memory_mib);
  if (!prepared_share_) return DropPromise();
  pool_.Prepare(*shape, std::move(known));
}

void RunSlotWorker::DropPromise() {
  if (!promise_) return;
  const std::lock_guard lock(shared_.ready.mutex);
  shared_.ready.indices.erase(*promise_);
  promise_.reset();
}

const vmm::TemplateSpec* RunSlotWorker::ShapeOf(RunItem& item) {
  std::call_once(item.shaped, [&] {
    std::string bad_path;
    Result<GuestNeeds> needs =
        NeedsOf(*item.selected->plan, item.selected->scenario->directory, environment_, bad_path);
    if (needs.ok()) item.shape = std::move(needs->shape);
  });
  return item.shape ? &*item.shape : nullptr;
}

}  // namespace ktstr
