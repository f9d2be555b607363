#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "guest-init/base/printable.h"
#include "interpreter/cli/cli_commands.h"
#include "interpreter/cli/cli_select.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/plan/program_check.h"
#include "interpreter/report/report_plan.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

/// Says what cannot be run and counts it.
std::size_t ReportUnusable(const Selection& selection, Console& io) {
  std::size_t count = selection.diagnostics.size();
  for (const PathDiagnostic& diagnostic : selection.diagnostics)
    io.err << Printable(diagnostic.path + ": " + diagnostic.message) << '\n';
  for (const SelectedRun& run : selection.runs) {
    if (run.plan != nullptr) continue;
    ++count;
    io.err << RenderPretty(run.scenario->diagnostics, io.color_err);
  }
  return count;
}

Json ListedJson(const SelectedRun& run) {
  const Scenario& scenario = run.plan->scenario;
  return {{"path", run.scenario->file},
          {"name", scenario.name},
          {"variant", run.plan->variant},
          {"topology", vmm::FormatTopology(run.plan->scenario.topology.Concrete())},
          {"tags", scenario.tags},
          {"description", scenario.description}};
}

std::string ListedLine(const SelectedRun& run, std::size_t width) {
  const Scenario& scenario = run.scenario->scenario;
  const std::string title = Printable(RunTitle(run));
  std::string text = scenario.tags.empty() ? "" : fmt::format("[{}]", fmt::join(scenario.tags, " "));
  const std::string first_line = Printable(scenario.description.substr(0, scenario.description.find('\n')));
  if (!first_line.empty()) text += (text.empty() ? "" : " ") + first_line;
  return text.empty() ? title + "\n" : fmt::format("{:<{}}  {}\n", title, width, text);
}

}  // namespace

int ListCommand(const CliOptions& options, Console& io) {
  const Result<Selection> selection = Select(options);
  if (!selection.ok()) return UsageError(io, selection.error().message);
  Json json = Json::array();
  std::size_t width = 0;
  for (const SelectedRun& run : selection->runs)
    width = std::max(width, std::min<std::size_t>(Printable(RunTitle(run)).size(), 60));
  for (const SelectedRun& run : selection->runs) {
    if (run.plan == nullptr) continue;
    if (options.format == "json") {
      json.push_back(ListedJson(run));
    } else {
      io.out << ListedLine(run, width);
    }
  }
  if (options.format == "json") io.out << DumpJson(json);
  io.out.flush();
  return ReportUnusable(*selection, io) > 0 ? kExitError : 0;
}

int DryRunCommand(const CliOptions& options, Console& io) {
  const Result<Selection> selection = Select(options);
  if (!selection.ok()) return UsageError(io, selection.error().message);
  Json json = Json::array();
  std::vector<LocatedDiagnostic> missing;
  std::set<const LoadedScenario*> looked;
  for (const SelectedRun& run : selection->runs) {
    if (run.plan == nullptr) continue;
    if (looked.insert(run.scenario).second)  // all variants start the same payloads
      for (LocatedDiagnostic& diagnostic : MissingForRun(*run.scenario, *run.plan, options.allow_host_files))
        missing.push_back(std::move(diagnostic));
    if (options.format == "pretty") {
      io.out << Printable(RunTitle(run)) << '\n' << RenderPlan(*run.plan);
      continue;
    }
    Json item = {{"path", run.scenario->file}, {"name", run.scenario->scenario.name}};
    item.update(PlanJson(*run.plan));
    json.push_back(std::move(item));
  }
  if (options.format != "pretty") io.out << DumpJson(json);
  io.out.flush();
  io.err << RenderPretty(missing, io.color_err);
  return ReportUnusable(*selection, io) + missing.size() > 0 ? kExitError : 0;
}

}  // namespace ktstr
