// Whether the programs of a scenario's payloads are there: the only thing said of a scenario that its text
// alone does not tell.
#pragma once

#include "interpreter/plan/loaded_scenario.h"

namespace ktstr {

/// Errors (`missing-program`) for the programs that the scenario names by a path relative to itself and that
/// are not there: they belong to the scenario, wherever it is checked. Names and absolute paths are not
/// looked for: what is on PATH where a file is linted says nothing of where it will run.
std::vector<LocatedDiagnostic> MissingBesideScenario(const LoadedScenario& loaded);

/// Errors for the programs that a run of `plan` on this host would not find, or could not bring into the
/// guest with all they need.
std::vector<LocatedDiagnostic> MissingForRun(const LoadedScenario& loaded, const RunPlan& plan);

}  // namespace ktstr
