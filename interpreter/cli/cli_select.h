// Which runs a command line asks for: its files loaded, filtered, and taken apart into variants.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "interpreter/cli/cli_options.h"
#include "interpreter/load/find_scenarios.h"
#include "interpreter/plan/loaded_scenario.h"

namespace ktstr {

/// One variant of one scenario; a scenario with errors has none.
struct SelectedRun {
  const LoadedScenario* scenario = nullptr;
  std::optional<RunVariant> variant;
};

struct Selection {
  std::deque<LoadedScenario> scenarios;  // where the runs' pointers lead
  std::vector<SelectedRun> runs;         // in the order of the files, then of the variants
  std::vector<PathFault> faults;         // of the paths
};

/// `path#variant`, or the path alone for a scenario without a matrix.
std::string RunTitle(const LoadedScenario& loaded, const std::optional<RunVariant>& variant);

/// Whether one of `filters` fits: as a glob when it holds one of *?[ else as a part of the text; against the
/// path, the name and the title. True when there are none.
bool MatchesFilters(std::span<const std::string> filters, const LoadedScenario& loaded,
                    std::string_view title);

/// Loads and checks everything first. --seed, --timeout and --clock are already applied to what comes out. A
/// file whose tags cannot be known because of its faults is kept: nothing broken is passed over silently.
/// Error (kUsage): there are scenarios, but --filter, --tag or --variant leave none.
Result<Selection> Select(const CliOptions& options);

}  // namespace ktstr
