// `run`: everything from a selection of scenarios to its reports and its exit code.
#pragma once

#include <functional>

#include "interpreter/cli/cli.h"
#include "interpreter/cli/cli_options.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/plan/plan.h"
#include "interpreter/report/report_run.h"
#include "interpreter/run/run_environment.h"
#include "interpreter/run/run_event.h"
#include "interpreter/run/run_outcome.h"
#include "vmm/host/host_capacity.h"

namespace ktstr {

class ResultsDirectory;  // interpreter/report/run_directory.h
class SignalWatch;       // interpreter/run/signals.h

/// What `run` asks of the world outside; tests put their own in.
struct RunWorld {
  std::function<Result<vmm::Kernel>(const vmm::KernelRequest&, const vmm::KernelProgress&)> resolve_kernel;
  /// Which accelerator; may boot a machine to find out.
  std::function<Result<vmm::AccelChoice>(vmm::AccelRequest, const RunEnvironment&)> choose_accel;
  std::function<RunOutcome(const RunPlan&, const std::filesystem::path&, const RunEnvironment&, EventSink&)>
      run_scenario;
  /// What the host can give to machines; asked once.
  std::function<vmm::HostCapacity()> host = [] { return vmm::ReadHostCapacity(); };
};

/// The real one: vmm::ResolveKernel, vmm::ResolveAccel with ProveKvm, RunScenario, vmm::ReadHostCapacity.
RunWorld RealWorld();

/// For those who run several selections and report on all of them together.
struct RunPlace {
  ResultsDirectory& results;
  const SignalWatch& signals;
  std::function<void(const FinishedRun&)> tell;  // of each run, in the order of the selection
};

/// Runs what was selected, as RunScenarios does, with results in `place`, and says only how that is getting
/// on. The results directory is not one that --resume can finish. Error (kEnvironment): nothing could be
/// started.
Result<RunSummary> RunSelection(const CliOptions& options, Console& io, const RunWorld& world,
                                const Selection& selection, const RunPlace& place);

/// Loads and checks everything, then runs what can be run, `options.jobs` at a time, and reports in the order
/// of the selection. `world.run_scenario` is called on several threads. A scenario with errors is an ERROR
/// and does not keep the others from running. Returns the exit code of the worst verdict; kExitUsage when the
/// options select nothing.
int RunScenarios(const CliOptions& options, Console& io, const RunWorld& world);

int RunCommand(const CliOptions& options, Console& io);

}  // namespace ktstr
