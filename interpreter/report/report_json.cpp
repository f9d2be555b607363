#include "interpreter/report/report_json.h"

#include "interpreter/judge/pauses.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/report/json_value.h"
#include "interpreter/report/version.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

Json TotalsJson(const RunSummary& summary) {
  Json totals = Json::object();
  for (const EnumValue& verdict : kVerdicts) totals[std::string(verdict.name)] = 0;
  for (const FinishedRun& run : summary.runs) {
    Json& count = totals[std::string(VerdictName(run.outcome.verdict))];
    count = count.get<int>() + 1;
  }
  totals["not_run"] = summary.not_run.size();
  return totals;
}

Json ResultJson(const FinishedRun& run) {
  if (!run.kept_result.empty()) return Json::parse(run.kept_result);
  Json json = VerdictJson(run);
  json["checks"] = ChecksJson(run.outcome);
  json["stats"] = ToJson(run.outcome.stats);
  if (HasObservations(run.outcome.observed)) json["observed"] = ObservationsJson(run.outcome.observed);
  if (!run.diagnostics.empty()) json["diagnostics"] = Json::parse(RenderJson(run.diagnostics));
  return json;
}

/// What may differ between two runs of the same scenario, template and seed on the virtual clock: host times,
/// and where the results lie. Takes its part out of `machine`.
Json HostJson(const FinishedRun& run, Json& machine) {
  Json host = Json::object();
  for (const char* name :
       {"confinement", "prepared", "ready_ms", "files_ms", "total_ms", "cpu_quality", "cpu_wait_pct"}) {
    host[name] = machine.at(name);
    machine.erase(name);
  }
  if (!run.outcome.observed.pauses.empty()) {
    host["paused_ms"] = run.outcome.observed.PausedMs();
    host["paused"] = PausesText(run.outcome.observed);
  }
  if (run.outcome.machine.ready_ms > 0) host["started"] = StartedText(run.outcome.machine);
  host["directory"] = run.directory;
  if (!run.directory_fault.empty()) host["directory_fault"] = run.directory_fault;
  return host;
}

}  // namespace

Json VerdictJson(const FinishedRun& run) {
  const RunOutcome& outcome = run.outcome;
  Json machine = ToJson(outcome.machine);
  Json host = HostJson(run, machine);
  Json json = {{"file", run.file},
               {"name", run.name},
               {"variant", run.variant},
               {"verdict", VerdictName(outcome.verdict)},
               {"cause", outcome.cause},
               {"place", run.cause_place},
               {"path", outcome.cause_path},
               {"phase", outcome.cause_phase},
               {"detail", outcome.cause_detail},
               {"kernel", run.kernel},
               {"seed", run.seed},
               {"machine", std::move(machine)},
               {"warnings", outcome.warnings},
               {"repeat_command", run.repeat_command},
               {"host", std::move(host)}};
  if (run.repeat > 0) json["repeat"] = run.repeat;
  if (const auto& again = run.reruns)
    json["reruns"] = {
        {"runs", again->runs}, {"failed", again->failed}, {"alike", again->alike}, {"passed", again->passed}};
  if (const auto& probed = run.probed)
    json["probed"] = {{"ran", probed->ran}, {"alike", probed->alike}, {"lines", probed->lines}};
  if (outcome.for_others) json["for_others"] = ToJson(*outcome.for_others);
  if (run.interrupted) json["interrupted"] = true;
  if (run.results_lost) json["results_lost"] = true;
  if (!outcome.console_tail.empty()) json["console_tail"] = outcome.console_tail;
  return json;
}

bool HasObservations(const Observations& observed) {
  return !observed.snapshots.empty() || !observed.reads.empty() || !observed.watches.empty() ||
         observed.monitor || !observed.cgroup_procs.empty() || !observed.files.empty() ||
         observed.periodic_target > 0;
}

Json ObservationsJson(const Observations& observed) {
  Json json = ToJson(observed);
  // How long the guest was paused is the host's affair.
  Json host = {{"pauses", std::move(json["pauses"])}};
  json.erase("pauses");
  for (Json& watch : json["watches"]) {
    host["watches"][watch.at("tag").get<std::string>()] = {{"paused_ms", watch.at("paused_ms")}};
    watch.erase("paused_ms");
  }
  json["host"] = std::move(host);
  return json;
}

Json ChecksJson(const RunOutcome& outcome) {
  Json checks = Json::array();
  for (const CheckResult& check : outcome.checks) checks.push_back(ToJson(check));
  return checks;
}

std::string RenderJsonReport(const RunSummary& summary) {
  Json json = {{"version", kVersion}};
  if (!summary.kernel.version.empty())
    json["kernel"] = {{"version", summary.kernel.version},
                      {"image", summary.kernel.image.string()},
                      {"origin", summary.kernel.origin}};
  if (!summary.accel.empty()) json["accel"] = {{"name", summary.accel}, {"reason", summary.accel_reason}};
  json["host"] = {{"directory", summary.directory}, {"elapsed_ms", summary.elapsed_ms}};
  if (!summary.interrupted_by.empty()) json["interrupted_by"] = summary.interrupted_by;
  json["totals"] = TotalsJson(summary);
  json["verdict"] = VerdictName(WorstOf(summary));
  json["exit_code"] = ExitCode(WorstOf(summary));
  json["results"] = Json::array();
  for (const FinishedRun& run : summary.runs) json["results"].push_back(ResultJson(run));
  json["not_run"] = summary.not_run;
  return DumpJson(json);
}

}  // namespace ktstr
