// Which schedulers are to be verified, and the scenario that does it with one of them.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/plan/loaded_scenario.h"

namespace ktstr {

/// One scheduler, however many files declare it.
struct VerifySubject {
  std::string name;      // unique among those of an invocation
  std::string declared;  // what its place calls it
  SchedulerDef def;
  std::filesystem::path directory;  // where a relative `binary` is looked for
  std::vector<std::string> places;  // the files that declare it; "--scheduler"
};

/// Adds the schedulers that a scenario declares, but for those that the kernel has built in; one that is
/// known already, by its definition, only gets another place. Of others with a name that is taken the second
/// is called "x-2". REQUIRES: the scenario has no errors.
void AddDeclaredSchedulers(const LoadedScenario& loaded, std::vector<VerifySubject>& subjects);
/// The same for one that the command line names.
void AddNamedScheduler(const SchedulerOverride& scheduler, std::vector<VerifySubject>& subjects);

/// "scx_simple -f": its program with its arguments, as words of a shell.
std::string CommandOf(const SchedulerDef& def);

// What the scenario calls its parts, for those who read what came of it.
inline constexpr std::string_view kVerifyCgroup = "verify";
inline constexpr std::string_view kAttachedTag = "attached";  // the snapshot behind the attach
inline constexpr std::string_view kRanTag = "ran";            // the one half a second later

/// The scenario that attaches this scheduler, has workers run under it, and looks at the kernel before and
/// after: planned, with a variant for each topology. `kernel` is added to the variants' names unless it is
/// "". Its file is the first of the subject's places. What cannot be planned is in its diagnostics.
/// REQUIRES: `topologies` is not empty.
LoadedScenario VerifyScenario(const VerifySubject& subject, std::span<const TopologySpec> topologies,
                              std::string_view kernel);

}  // namespace ktstr
