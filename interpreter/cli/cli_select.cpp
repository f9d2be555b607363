#include "interpreter/cli/cli_select.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

bool MatchesTags(const CliOptions& options, const LoadedScenario& loaded) {
  if (options.tags.empty()) return true;
  const std::vector<std::string>& tags = loaded.scenario.tags;
  if (loaded.has_errors && tags.empty()) return true;
  return std::any_of(options.tags.begin(), options.tags.end(), [&](const std::string& tag) {
    return std::find(tags.begin(), tags.end(), tag) != tags.end();
  });
}

/// With an axis of clocks, --clock chooses among its variants; without one all have that clock already.
bool MatchesClock(const CliOptions& options, const RunPlan& plan) {
  return !options.clock || plan.scenario.clock == *options.clock;
}

/// The variant that `text` means: its parts are values of the axes, and a topology may be a preset's name.
std::string VariantMeant(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    name += AxisValue(part);
    text.remove_prefix(part.size());
    if (text.empty()) break;
    name += ',';
    text.remove_prefix(1);
  }
  return name;
}

Error NothingLeft(const CliOptions& options, const std::vector<std::string>& variants) {
  if (!options.variant.empty()) {
    const std::string guess = DidYouMean(options.variant, variants);
    return {ErrorKind::kUsage, fmt::format("no selected scenario has a variant '{}'{}", options.variant,
                                           guess.empty() ? "" : "; " + guess)};
  }
  return {ErrorKind::kUsage, "no scenario fits --filter, --tag and --clock"};
}

/// A path is meant from the directory in which the runs happen, not from the scenario's.
std::optional<SchedulerOverride> SchedulerMeant(std::optional<SchedulerOverride> scheduler) {
  if (scheduler && scheduler->def.binary.find('/') != std::string::npos)
    scheduler->def.binary = std::filesystem::absolute(scheduler->def.binary).string();
  if (scheduler && !scheduler->def.object.empty())
    scheduler->def.object = std::filesystem::absolute(scheduler->def.object).string();
  return scheduler;
}

/// `chosen` and what they are compared with, out of `all`; each behind those that it is compared with.
RunPlans WithCompared(const RunPlans& chosen, const RunPlans& all) {
  RunPlans ordered;
  const auto add = [&](const std::shared_ptr<const RunPlan>& plan, const auto& self) -> void {
    if (std::find(ordered.begin(), ordered.end(), plan) != ordered.end()) return;
    for (const std::string& variant : plan->compared_with)
      for (const std::shared_ptr<const RunPlan>& other : all)
        if (other->variant == variant) self(other, self);
    ordered.push_back(plan);
  };
  for (const std::shared_ptr<const RunPlan>& plan : chosen) add(plan, add);
  return ordered;
}

}  // namespace

std::string RunTitle(const SelectedRun& run) {
  if (run.plan == nullptr || run.plan->variant.empty()) return run.scenario->file;
  return run.scenario->file + "#" + run.plan->variant;
}

bool MatchesFilter(const std::string& filter, const std::string& text) {
  if (filter.find_first_of("*?[") == std::string::npos) return text.find(filter) != std::string::npos;
  return ::fnmatch(filter.c_str(), text.c_str(), 0) == 0;
}

bool MatchesFilters(std::span<const std::string> filters, const LoadedScenario& loaded,
                    std::string_view title) {
  if (filters.empty()) return true;
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
    return MatchesFilter(filter, loaded.file) || MatchesFilter(filter, loaded.scenario.name) ||
           MatchesFilter(filter, std::string(title));
  });
}

Result<Selection> Select(const CliOptions& options) {
  Selection selection;
  FoundScenarios found = FindScenarios(options.paths);
  selection.diagnostics = std::move(found.diagnostics);
  std::vector<std::string> variant_names;
  const std::string wanted = VariantMeant(options.variant);
  const Overrides overrides{options.timeout, options.clock, options.seed, SchedulerMeant(options.scheduler)};
  for (const ScenarioFile& file : found.files) {
    LoadedScenario loaded = LoadScenario(file, overrides);
    if (!MatchesTags(options, loaded)) continue;
    LoadedScenario& kept = selection.scenarios.emplace_back(std::move(loaded));
    if (kept.has_errors) {
      if (MatchesFilters(options.filters, kept, kept.file)) selection.runs.push_back({&kept, nullptr});
      continue;
    }
    // Those that are not selected are not needed any more.
    const RunPlans plans = std::exchange(kept.plans, {});
    RunPlans chosen;
    for (const std::shared_ptr<const RunPlan>& plan : plans) {
      if (!MatchesClock(options, *plan)) continue;
      variant_names.push_back(plan->variant);
      if (!wanted.empty() && plan->variant != wanted) continue;
      if (MatchesFilters(options.filters, kept, RunTitle({&kept, plan}))) chosen.push_back(plan);
    }
    for (std::shared_ptr<const RunPlan>& plan : WithCompared(chosen, plans))
      selection.runs.push_back({&kept, std::move(plan)});
  }
  if (selection.runs.empty() && !found.files.empty()) return NothingLeft(options, variant_names);
  return selection;
}

}  // namespace ktstr
