// Which runs a command line asks for: its files loaded, filtered, and taken apart into variants.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "interpreter/cli/cli_options.h"
#include "interpreter/load/find_scenarios.h"
#include "interpreter/plan/loaded_scenario.h"

namespace ktstr {

/// One variant of one scenario.
struct SelectedRun {
  const LoadedScenario* scenario = nullptr;
  std::shared_ptr<const RunPlan> plan;  // null: the scenario has errors
  std::string repeat_command = {};      // what runs it once more; "": `run` with the scenario's file
};

struct Selection {
  std::deque<LoadedScenario> scenarios;  // where the runs' pointers lead
  std::vector<SelectedRun> runs;         // in the order of the files, then of the variants, but each behind
                                         // those it is compared with, which are there even if not asked for
  std::vector<PathDiagnostic> diagnostics;  // of the paths
};

/// `path#variant`, or the path alone for a scenario without a matrix.
std::string RunTitle(const SelectedRun& run);

/// Whether a filter fits: as a glob when it holds one of *?[ else as a part of the text.
bool MatchesFilter(const std::string& filter, const std::string& text);

/// Whether one of `filters` fits the path, the name or the title. True when there are none.
bool MatchesFilters(std::span<const std::string> filters, const LoadedScenario& loaded,
                    std::string_view title);

/// Loads and checks everything first, with --seed, --timeout and --clock in the place of what the files say.
/// A file whose tags cannot be known because of its diagnostics is kept: nothing broken is passed over
/// silently. Error (kUsage): there are scenarios, but --filter, --tag or --variant leave none.
Result<Selection> Select(const CliOptions& options);

}  // namespace ktstr
