// Results as JSON documents: `run --format json`, and the files of a run directory.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "interpreter/report/report_run.h"

namespace ktstr {

/// What was run and what came of it, without checks and statistics. All that depends on the host's time is in
/// the member `host`, so that with the virtual clock two runs can be compared without it.
nlohmann::ordered_json VerdictJson(const FinishedRun& run);
nlohmann::ordered_json ChecksJson(const RunOutcome& outcome);
/// Whether anything was looked at from outside.
bool HasObservations(const Observations& observed);
/// All but the snapshots' contents; host times in `host`.
nlohmann::ordered_json ObservationsJson(const Observations& observed);

/// One document with everything: version, kernel, accel, totals, exit code and, per run, VerdictJson with
/// `checks`, `stats` and `diagnostics`.
std::string RenderJsonReport(const RunSummary& summary);

}  // namespace ktstr
