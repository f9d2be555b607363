// Work types that have to do with cgroups: what lint knows of the cgroups they name, or make.
#include <algorithm>
#include <catch2/catch.hpp>

#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

/// The step's cgroups, the last of which has a storm.
LoadedPlan Storm(const std::string& cgroups, const std::string& work = "{type: CgroupAttachStorm}") {
  return LoadedPlan("version: 1\nsteps:\n  - cgroups: [" + cgroups + "{name: a, work: [" + work +
                    "]}]\n    hold: 1s\n");
}

Diagnostic Fault(const LoadedPlan& plan) {
  REQUIRE(plan.diagnostics.items().size() == 1);
  return plan.diagnostics.items().front();
}

}  // namespace

TEST_CASE("the destination of a CgroupAttachStorm is another cgroup that there is") {
  CHECK(Storm("{name: dest}, ").diagnostics.empty());
  const Diagnostic unknown = Fault(Storm("{name: desk}, "));
  CHECK(unknown.path == "steps/0/cgroups/1/work/0/dest");
  CHECK(unknown.message == "no cgroup 'dest' is alive at this point");
  const Diagnostic own = Fault(Storm("", "{type: CgroupAttachStorm, dest: a}"));
  CHECK(own.path == "steps/0/cgroups/0/work/0/dest");
  CHECK(own.message == "cgroup 'a' is the one that the workers are in");
  CHECK(own.hint == "name another one");
}

TEST_CASE("the destination of a CgroupAttachStorm has no cgroups with controllers below it") {
  const Diagnostic parent = Fault(Storm("{name: dest}, {name: dest/child, pids: {max: 9}}, "));
  CHECK(parent.path == "steps/0/cgroups/2/work/0/dest");
  CHECK(
      parent.message ==
      "cgroup 'dest' may hold no processes: it has the cgroup 'dest/child' below it, which has controllers");
  CHECK(parent.hint == "name one without any below it");
}

TEST_CASE("CgroupChurn in a nested cgroup has the cpu controller enabled there") {
  const auto enables = [](const std::string& name) {
    const LoadedPlan plan("version: 1\nsteps:\n  - cgroups: [{name: p}, {name: " + name +
                          ", work: [{type: CgroupChurn}]}]\n    hold: 1s\n");
    REQUIRE(plan.diagnostics.empty());
    const auto& requests = plan.plans.front()->requests;
    return std::any_of(requests.begin(), requests.end(), [](const PlannedRequest& request) {
      const auto* enable = request.As<EnableControllers>();
      return enable != nullptr && enable->nested && enable->controllers == std::vector<std::string>{"cpu"};
    });
  };
  CHECK(enables("p/a"));
  CHECK_FALSE(enables("a"));
}

TEST_CASE("CgroupChurn goes through 1 to 64 cgroups") {
  for (const char* groups : {"0", "65"})
    CHECK(Fault(Storm("", "{type: CgroupChurn, groups: " + std::string(groups) + "}")).message ==
          std::string(groups) + " is out of range: it must be between 1 and 64 cgroups");
  CHECK(Fault(Storm("", "{type: CgroupChurn, cycle_ms: 0}")).message ==
        "0 is out of range: it must be between 1 and 1000000 ms");
}
