// A scenario file read, decoded and checked: what every command starts from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "interpreter/load/document.h"
#include "interpreter/load/find_scenarios.h"
#include "interpreter/load/render_diagnostics.h"
#include "interpreter/plan/plan.h"
#include "interpreter/scenario/scenario.h"

namespace ktstr {

struct LoadedScenario {
  std::string file;                 // as messages call it
  std::filesystem::path directory;  // of the file; where relative payload paths start
  bool readable = false;            // false: the file could not be read; `document` is then empty
  Document document;
  Scenario
      scenario;    // with the overrides; with diagnostics, as much as could be read; its name is never empty
  RunPlans plans;  // one per variant; none after an error
  std::vector<LocatedDiagnostic> diagnostics;  // sorted by place
  bool has_errors = false;                     // warnings do not count
};

/// Never fails as such: whatever is wrong becomes a diagnostic. Reads that one file and nothing else.
/// `overrides` take effect before anything is checked.
LoadedScenario LoadScenario(const ScenarioFile& source, const Overrides& overrides = {});

/// The place of a document path as "cpuset/shrink.yaml:41:7", or just the file when it has none.
std::string PlaceOf(const LoadedScenario& loaded, std::string_view path);

}  // namespace ktstr
