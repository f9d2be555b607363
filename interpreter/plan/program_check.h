// Whether the programs of a scenario's payloads are there, where they may be, and whether a guest could start
// them: the only thing said of a scenario that its text alone does not tell.
#pragma once

#include "interpreter/plan/loaded_scenario.h"

namespace ktstr {

/// Errors for the programs that the scenario names by a path relative to itself, which belong to it wherever
/// it is checked: `missing-program` for one that is not there or not executable; `bad-program` for one that a
/// run would refuse, for it is no program for x86-64, or its loader, a library or its interpreter is missing
/// or may not be taken. Names and absolute paths are not looked for: what is on PATH where a file is linted
/// says nothing of where it will run. Errors (`host-file`) for those outside the scenario's directory, unless
/// the user allows `host_files`.
std::vector<LocatedDiagnostic> MissingBesideScenario(const LoadedScenario& loaded, bool host_files);

/// Errors for the programs that a run of `plan` on this host would not find, or could not bring into the
/// guest with all they need, and for those outside the scenario's directory, as above.
std::vector<LocatedDiagnostic> MissingForRun(const LoadedScenario& loaded, const RunPlan& plan,
                                             bool host_files);

}  // namespace ktstr
