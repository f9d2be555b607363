// Every work type in a real guest: what it declares to measure it measures, and nothing else.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"
#include "workloads/work_type.h"

namespace ktstr::test {
namespace {

/// Of a scenario's work entry.
std::string WorkOf(std::string_view type) {
  if (type == "Sequence")
    return "{type: Sequence, phases: [{type: AluHot, for: 20ms}, {type: Sleep, for: 20ms}, "
           "{type: TimerLatency, for: 20ms}]}";
  if (type == "CgroupAttachStorm") return "{type: CgroupAttachStorm, dest: grave, reap: waitpid}";
  if (type == "CrossAffinityChurn") return "{type: SpinWait, workers: 2}, {type: CrossAffinityChurn}";
  return "{type: " + std::string(type) + "}";
}

/// A step with a cgroup for each, and one for processes that are moved there.
std::string Step(const std::string& name, const std::vector<std::string_view>& types) {
  std::string step = "  - name: " + name + "\n    hold: 3s\n    cgroups:\n      - {name: grave}\n";
  for (const std::string_view type : types)
    step += "      - {name: " + std::string(type) + ", work: [" + WorkOf(type) + "]}\n";
  return step;
}

/// With a device of its own: scenarios/io and scenarios/net, and tests of their own, are about these.
bool NeedsDevice(const WorkTypeDecl& type) { return type.needs_disk || type.needs_nics; }

/// Those that starve others where they share a CPU, and the rest by sixes.
std::string StepsOfAllTypes() {
  const std::vector<std::string_view> bullies = {"RtStarvation", "PriorityInversion", "PolicyChurn"};
  std::vector<std::vector<std::string_view>> steps = {{}};
  for (const WorkTypeDecl& type : AllWorkTypes()) {
    const std::string_view name = type.params().name;
    if (NeedsDevice(type) || std::find(bullies.begin(), bullies.end(), name) != bullies.end()) continue;
    if (steps.back().size() == 6) steps.emplace_back();
    steps.back().push_back(name);
  }
  for (const std::string_view bully : bullies) steps.push_back({bully});
  std::string text;
  for (std::size_t i = 0; i < steps.size(); ++i) text += Step("s" + std::to_string(i), steps[i]);
  return text;
}

/// Over all members of a group.
struct Totals {
  std::uint64_t wakes = 0, timers = 0, costs = 0, messengers = 0, workers = 0, counting_refusals = 0;
};

TEST_CASE("every work type measures in a guest what it declares, and nothing else") {
  const auto kernel = CachedKernel("built");
  REQUIRE(kernel);
  GuestRun run("topology: 1n1l2c1t\ndefaults: {no_stall: off}\nsteps:\n" + StepsOfAllTypes(),
               {"--kernel", kernel->image.string()});
  run.Finish("PASS");
  std::map<std::string, Totals> by_type;
  std::map<std::uint32_t, std::string> types;
  const Json record = run.File("reports.json");
  for (const Json& group : record.at("groups"))
    types[group.at("id")] = group.at("work_type").get<std::string>();
  for (const Json& entry : run.Reports()) {
    const std::string& type = types.at(entry.at("group"));
    INFO(type);
    const Json& report = entry.at("report");
    CHECK(report.at("work_error") == "");
    CHECK(report.at("sched_policy_error") == "");
    CHECK(report.at("work_units").get<std::uint64_t>() > 0);
    CHECK_FALSE(report.at("cpus_used").empty());
    Totals& totals = by_type[type];
    totals.wakes += report.at("wake_sample_total").get<std::uint64_t>();
    totals.timers += report.at("timer_sample_total").get<std::uint64_t>();
    totals.costs += report.at("iteration_cost_sample_total").get<std::uint64_t>();
    totals.messengers += report.at("is_messenger") == true ? 1 : 0;
    totals.counting_refusals += report.contains("refusals") ? 1 : 0;
    ++totals.workers;
  }
  const auto all = AllWorkTypes();
  const auto devices = std::count_if(all.begin(), all.end(), &NeedsDevice);
  CHECK(by_type.size() + static_cast<std::size_t>(devices) == all.size());
  for (const WorkTypeDecl& type : AllWorkTypes()) {
    if (NeedsDevice(type)) continue;
    INFO(type.params().name);
    const Totals& totals = by_type[std::string(type.params().name)];
    CHECK((totals.wakes > 0) == !type.wake_sample.empty());
    CHECK((totals.timers > 0) == !type.timer_sample.empty());
    CHECK((totals.costs > 0) == !type.iteration_cost.empty());
    CHECK(totals.counting_refusals == (type.refusal.empty() ? 0 : totals.workers));
    CHECK(totals.messengers ==
          (type.params().name == "FutexFanOut" || type.params().name == "FanOutCompute" ? 1 : 0));
  }
}

TEST_CASE("a worker whose system call fails is an ERROR that names the call") {
  GuestRun run(
      "topology: 1n1l1c1t\nsteps:\n"
      "  - cgroups: [{name: c, work: [{type: NumaWorkingSetSweep, target_nodes: [9]}]}]\n    hold: 1s\n");
  run.Finish("ERROR");
  CHECK(run.cause() == "worker c/0 could not do its work: mbind to node 9: Invalid argument");
  CHECK(run.Reports()[0].at("report").at("work_units") == 0);
}

TEST_CASE("a starved child of ForkExit, and a starved member that waits for a lock, are found") {
  // The hogs leave the fair server's share to others: 50 ms in each second. The one that sleeps comes before
  // them: to become a real-time task it needs such a share, too.
  GuestRun run(
      "topology: 1n1l1c1t\ndefaults: {stall_limit: 500ms}\nsteps:\n"
      "  - name: starve\n    hold: 4s\n    cgroups:\n"
      "      - {name: sleeps, work: [{type: Bursty, policy: fifo, rt_priority: 60, burst_duration: 1ms, "
      "sleep_duration: 3s}]}\n"
      "      - {name: hog, work: [{type: SpinWait, policy: fifo, rt_priority: 50}]}\n"
      "      - {name: forks, work: [{type: ForkExit}]}\n"
      "      - {name: locks, work: [{type: MutexContention}]}\n"
      "      - {name: herd, work: [{type: ThunderingHerd}]}\n");
  run.Finish("FAIL");
  std::set<std::string> accused;
  for (const Json& check : run.result().at("checks"))
    if (check.at("verdict") == "FAIL") accused.insert(check.at("cgroup").get<std::string>());
  CHECK(accused == std::set<std::string>{"forks", "herd", "locks"});
}

}  // namespace
}  // namespace ktstr::test
