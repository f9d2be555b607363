// What one slot does with an item of `run`: admission by memory, the machine, the run and its directory, and
// the next machine made ready meanwhile.
#pragma once

#include <deque>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <set>

#include "interpreter/cli/cli_options.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/cli/run_command.h"
#include "interpreter/cli/run_slots.h"
#include "interpreter/report/report_progress.h"
#include "interpreter/report/report_run.h"
#include "interpreter/run/signals.h"
#include "vmm/machine/memory_budget.h"
#include "vmm/template/machine_pool.h"

namespace ktstr {

class RunDirectory;  // interpreter/report/run_directory.h

/// One thing to run, and what comes of it. The slot that has claimed it owns it until it is reported.
struct RunItem {
  RunItem(const SelectedRun& what, FinishedRun described) : selected(&what), run(std::move(described)) {}

  const SelectedRun* selected;
  FinishedRun run;         // what it is from the start, its outcome once it is done
  bool settled = false;    // its outcome is known and takes no machine
  std::string cause_path;  // of the outcome, also where the file does not mention the check
  bool not_run = false;    // claimed, but interrupted before it had a machine
  std::filesystem::path directory;

  std::vector<std::size_t> compared_with;   // items before this one
  std::promise<VariantNumbers> for_others;  // kept when it is done, whatever came of it
  std::shared_future<VariantNumbers> its_numbers = for_others.get_future().share();

  std::once_flag shaped;  // guards `shape`: also asked for by those who prepare its machine
  std::optional<vmm::TemplateSpec> shape;
};

/// What its plan.txt holds. REQUIRES: the scenario has a plan.
std::string PlanText(const RunItem& item);

/// The items for which some slot has a machine ready before their turn.
struct ReadyItems {
  std::mutex mutex;
  std::set<std::size_t> indices;
};

/// What all slots of an invocation share; set up before they start. Only `items`, `budget`, `progress` and
/// `ready` change afterwards.
struct RunShared {
  const CliOptions& options;
  const RunWorld& world;
  const RunSummary& summary;
  const SignalWatch& signals;
  vmm::OpenTemplates* templates;  // null: every machine boots
  RunEnvironment environment;     // without what is a slot's own: scratch is the directory for theirs
  vmm::MemoryBudget& budget;
  Progress& progress;
  std::deque<RunItem>& items;
  const RunSlots& slots;
  ReadyItems& ready;
};

/// REQUIRES: `shared` outlives it.
class RunSlotWorker final : public SlotWorker {
 public:
  /// `scratch`: a directory of its own, made here.
  RunSlotWorker(RunShared& shared, const std::filesystem::path& scratch);
  ~RunSlotWorker() override;
  bool Run(std::size_t index) override;

 private:
  /// Waits for the items that this one is compared with. Runs that are compared never overlap, so none takes
  /// the CPUs that the other is measured on.
  void AwaitCompared(const RunItem& item);
  /// False: the item is done, or will not be.
  bool Admit(RunItem& item);
  void Execute(RunItem& item);
  /// Runs a failed item, whose results are kept already, as often again as its author or the user wants.
  /// False: that is never. Each has a directory in the item's.
  bool RunAgain(RunItem& item);
  /// Runs a failed item, whose results are kept already, once more with probes, if its author or the user
  /// wants that and they could tell more. False: it has nothing to tell of it.
  bool Probe(RunItem& item, RunDirectory& directory);
  /// Called once the machine of the item under way is taken.
  void PrepareNext();
  void DropPromise();
  const vmm::TemplateSpec* ShapeOf(RunItem& item);

  RunShared& shared_;
  RunEnvironment environment_;
  std::vector<VariantNumbers> compared_;                    // with the item under way
  std::optional<vmm::MemoryBudget::Share> share_;           // of the machine that runs
  std::optional<vmm::MemoryBudget::Share> prepared_share_;  // of the one that is ready
  std::optional<std::size_t> promise_;
  vmm::MachinePool pool_;  // goes before the shares
};

}  // namespace ktstr
