// Small pure pieces of `run`, apart so that tests can hold them.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "interpreter/cli/cli_options.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/cli/run_jobs.h"
#include "interpreter/cli/run_slot_worker.h"
#include "interpreter/report/report_run.h"

namespace ktstr {

/// "bad scenario: 3 errors; the first: no cgroup 'hto' is alive at this point". REQUIRES: one of them is an
/// error.
std::string BadScenarioCause(std::span<const LocatedDiagnostic> diagnostics);

/// "interrupted by SIGINT".
std::string InterruptedCause(std::string_view signal);

/// "wall", "virtual" or "wall and virtual": of what is to be run.
std::string ClocksOf(const Selection& selection);

/// "kernel 6.12.1 (cache), accel tcg (/dev/kvm does not exist), clock wall\n".
std::string StartLine(const RunSummary& summary, std::string_view clocks);

/// What those of `items` need that take a machine.
JobsNeed NeedOf(const std::deque<RunItem>& items, vmm::Accel accel);

/// What runs exactly this variant once more, each word a ShellWord().
std::string RepeatCommand(const CliOptions& options, const SelectedRun& run, const RunSummary& summary);

/// The line of the file that a document path leads to, without the blanks around it.
std::string SourceAt(const LoadedScenario& loaded, std::string_view path);

/// Samples and outputs are in the run directory; a long invocation must not hold them all.
void DropBulk(RunRecord& record);

}  // namespace ktstr
