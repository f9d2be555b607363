#include "interpreter/report/report_plan.h"

#include <fmt/format.h>

#include "guest-init/base/printable.h"

namespace ktstr {
namespace {

std::string ClockName(Clock clock) { return std::string(kClocks[static_cast<std::size_t>(clock)].name); }

std::string_view NameOf(const PlannedRequest& planned) {
  const GuestRequest* guest = planned.guest();
  return (guest != nullptr ? guest->message : planned.host()->args).decl()->name;
}

}  // namespace

std::string RenderPlan(const RunPlan& plan) {
  const Scenario& scenario = plan.scenario;
  const vmm::Topology topology = scenario.topology.Concrete();
  std::string text = fmt::format("  topology {} ({} CPUs), memory {}, clock {}\n",
                                 vmm::FormatTopology(topology), vmm::CpuCount(topology),
                                 MemorySpec::Scalar().print(&scenario.memory), ClockName(scenario.clock));
  if (scenario.kernel) text += fmt::format("  kernel {}\n", Printable(scenario.kernel->Text()));
  text += fmt::format("  holds {} in all, timeout {}, seed {}\n", FormatDuration(plan.holds),
                      FormatDuration(scenario.timeout), scenario.seed);
  for (const PlannedPhase& phase : plan.phases) {
    text += fmt::format("  {} {}\n", phase.index, phase.name);
    for (const PlannedRequest& request : plan.requests)
      if (request.phase == phase.index) text += fmt::format("    {}\n", Printable(request.label));
  }
  return text;
}

nlohmann::ordered_json PlanJson(const RunPlan& plan) {
  const Scenario& scenario = plan.scenario;
  const vmm::Topology topology = scenario.topology.Concrete();
  nlohmann::ordered_json phases = nlohmann::ordered_json::array();
  for (const PlannedPhase& phase : plan.phases) {
    nlohmann::ordered_json requests = nlohmann::ordered_json::array();
    for (const PlannedRequest& request : plan.requests)
      if (request.phase == phase.index)
        requests.push_back({{"request", NameOf(request)}, {"label", request.label}, {"path", request.path}});
    phases.push_back({{"index", phase.index}, {"name", phase.name}, {"requests", std::move(requests)}});
  }
  return {{"variant", plan.variant},
          {"topology", vmm::FormatTopology(topology)},
          {"cpus", vmm::CpuCount(topology)},
          {"memory", MemorySpec::Scalar().print(&scenario.memory)},
          {"clock", ClockName(scenario.clock)},
          {"timeout", FormatDuration(scenario.timeout)},
          {"seed", scenario.seed},
          {"holds", FormatDuration(plan.holds)},
          {"phases", std::move(phases)}};
}

}  // namespace ktstr
