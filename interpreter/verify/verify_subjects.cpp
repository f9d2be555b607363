#include "interpreter/verify/verify_subjects.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/printable.h"
#include "interpreter/load/decode.h"
#include "interpreter/report/json_value.h"

namespace ktstr {
namespace {

/// What each verification does, but for the scheduler and the topologies. Some workers never sleep, others
/// wake up all the time. Their policy is that of sched_ext, so that they run under a scheduler that takes
/// only such tasks, too.
constexpr std::string_view kVerifyText = R"(version: 1
kernel: {features: [sched_ext, btf]}
backdrop:
  cgroups:
    - name: verify
      work:
        - {type: SpinWait, workers: 2, policy: ext}
        - {type: Bursty, burst_duration: 5ms, sleep_duration: 10ms, workers: 2, policy: ext}
steps:
  - {name: attached, ops: [CaptureSnapshot: {tag: attached}], hold: 500ms}
  - {name: ran, ops: [CaptureSnapshot: {tag: ran}]}
)";

/// Two definitions with the same text are the same scheduler.
std::string IdentityOf(const SchedulerDef& def, const std::filesystem::path& directory) {
  return ToYaml(def) + (def.use.empty() ? directory.lexically_normal().string() : "");
}

std::string FreeName(const std::string& name, const std::vector<VerifySubject>& subjects) {
  const auto taken = [&](const std::string& candidate) {
    return std::any_of(subjects.begin(), subjects.end(),
                       [&](const VerifySubject& subject) { return subject.name == candidate; });
  };
  std::string free = name;
  for (int use = 2; taken(free); ++use) free = fmt::format("{}-{}", name, use);
  return free;
}

void Add(const std::string& name, const SchedulerDef& def, const std::filesystem::path& directory,
         const std::string& place, std::vector<VerifySubject>& subjects) {
  const std::string identity = IdentityOf(def, directory);
  const auto known = std::find_if(subjects.begin(), subjects.end(), [&](const VerifySubject& subject) {
    return IdentityOf(subject.def, subject.directory) == identity;
  });
  if (known == subjects.end()) {
    subjects.push_back({FreeName(name, subjects), name, def, directory, {place}});
  } else if (std::find(known->places.begin(), known->places.end(), place) == known->places.end()) {
    known->places.push_back(place);
  }
}

Scenario BaseScenario(Diagnostics& diagnostics) {
  const Document document = LoadDocument("verify", std::string(kVerifyText), diagnostics);
  Scenario scenario;
  Decode(document, scenario, diagnostics);
  return scenario;
}

}  // namespace

void AddDeclaredSchedulers(const LoadedScenario& loaded, std::vector<VerifySubject>& subjects) {
  for (const auto& [name, def] : loaded.scenario.schedulers.items)
    if (!def.IsBuiltIn()) Add(name, def, loaded.directory, loaded.file, subjects);
}

void AddNamedScheduler(const SchedulerOverride& scheduler, std::vector<VerifySubject>& subjects) {
  Add(scheduler.name, scheduler.def, ".", "--scheduler", subjects);
}

std::string CommandOf(const SchedulerDef& def) {
  std::string command = ShellWord(!def.use.empty() ? def.use : def.object.empty() ? def.binary : def.object);
  for (const auto& [name, value] : def.variables.items) command += " " + ShellWord(name + "=" + value.text);
  for (const std::string& arg : def.args) command += " " + ShellWord(arg);
  return command;
}

LoadedScenario VerifyScenario(const VerifySubject& subject, std::span<const TopologySpec> topologies,
                              std::string_view kernel) {
  Diagnostics diagnostics;
  LoadedScenario loaded;
  loaded.file = subject.places.front();
  loaded.directory = subject.directory;
  loaded.readable = true;
  Scenario& scenario = loaded.scenario = BaseScenario(diagnostics);
  scenario.name = subject.name;
  scenario.schedulers.items.emplace_back(subject.name, subject.def);
  scenario.scheduler = subject.name;
  scenario.matrix.emplace().topology.assign(topologies.begin(), topologies.end());
  for (const std::shared_ptr<const RunPlan>& planned : PlanRuns(scenario, {}, diagnostics)) {
    RunPlan plan = *planned;
    if (!kernel.empty()) plan.variant += fmt::format(",{}", kernel);
    loaded.plans.push_back(std::make_shared<const RunPlan>(std::move(plan)));
  }
  loaded.has_errors = diagnostics.has_errors();
  loaded.diagnostics = Locate(loaded.document, diagnostics);
  if (loaded.has_errors) loaded.plans.clear();
  return loaded;
}

}  // namespace ktstr
