// Cpusets that change while workers run, by the scenario, by a parent, and by CPUs that come and go: what the
// kernel rightly does is never held against a worker.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// The slice of the only worker in that phase.
Json SliceIn(const GuestRun& run, std::uint32_t phase) {
  const Json reports = run.Reports();
  for (const Json& slice : reports.at(0).at("report").at("phase_slices"))
    if (slice.at("phase") == phase) return slice;
  FAIL_CHECK("there is no slice of phase " << phase);
  return {};
}

/// A worker on CPU 1 alone, and a shell that does something to that CPU meanwhile.
std::string PinnedTo1(const std::string& shell) {
  return "topology: 1n1l4c1t\n"
         "payloads:\n  plug:\n    binary: sh\n    include: [sleep]\n    args: [-c, '" +
         shell +
         "']\n"
         "backdrop: {cgroups: [{name: pinned, cpuset: \"1\", work: [{type: SpinWait}]}]}\n"
         "steps:\n"
         "  - {name: before, hold: 500ms}\n"
         "  - {name: away, ops: [{RunPayload: {payload: plug}}], hold: 2s}\n"
         "  - {name: after, hold: 500ms}\n";
}
const std::string kOnline = "/sys/devices/system/cpu/cpu1/online";

TEST_CASE("a worker whose CPU goes offline may run where the kernel puts it") {
  GuestRun run(PinnedTo1("echo 0 > " + kOnline));
  run.Finish("PASS");
  const Json away = SliceIn(run, 2);
  CHECK(away.at("cpus_used").size() > 1);
  CHECK(away.at("cpus_allowed") == Json({0, 2, 3}));
  CHECK(SliceIn(run, 3).at("cpus_outside") == Json::array());
  CHECK(run.result().at("checks").dump().find("cpuset_isolation") != std::string::npos);
}

TEST_CASE("a worker whose CPU is away for a moment that nobody sees may run elsewhere meanwhile") {
  GuestRun run(PinnedTo1("for i in 1 2 3 4 5; do echo 0 > " + kOnline + "; echo 1 > " + kOnline + "; done"));
  run.Finish("PASS");
  const Json away = SliceIn(run, 2);
  CHECK(away.at("cpus_used").size() > 1);
  CHECK(away.at("cpus_allowed") == Json({1}));
  CHECK(SliceIn(run, 3).at("cpus_used") == Json({1}));
}

TEST_CASE("a child whose parent's cpuset shrinks runs where that leaves it") {
  GuestRun run(
      "topology: 1n1l4c1t\n"
      "backdrop:\n  cgroups:\n"
      "    - {name: parent, cpuset: 0-2}\n"
      "    - {name: parent/child, cpuset: 1-2, work: [{type: SpinWait}]}\n"
      "steps:\n"
      "  - {name: before, hold: 300ms}\n"
      "  - {name: shrunk, ops: [{SetCpuset: {cgroup: parent, cpus: \"0\"}}], hold: 700ms}\n"
      "  - {name: back, ops: [{SetCpuset: {cgroup: parent, cpus: 0-2}}], hold: 700ms}\n");
  run.Finish("PASS");
  CHECK(SliceIn(run, 2).at("cpus_used") == Json({0}));
  CHECK(SliceIn(run, 2).at("cpus_allowed") == Json({0}));
  CHECK(SliceIn(run, 3).at("cpus_allowed") == Json({1, 2}));
}

TEST_CASE("a cpuset that changes thirty times in a phase is followed each time") {
  GuestRun run(
      "topology: 1n1l4c1t\n"
      "payloads: {stay: {binary: sleep, args: [\"0.1\"]}}\n"
      "backdrop: {cgroups: [{name: nomad, cpuset: \"0\", work: [{type: SpinWait}]}]}\n"
      "steps:\n"
      "  - name: moves\n"
      "    ops:\n"
      "      - SetCpuset: {cgroup: nomad, cpus: \"1\"}\n"
      "      - RunPayload: {payload: stay}\n"
      "      - WaitPayload: {payload: stay, timeout: 20s}\n"
      "      - SetCpuset: {cgroup: nomad, cpus: \"2\"}\n"
      "      - RunPayload: {payload: stay}\n"
      "      - WaitPayload: {payload: stay, timeout: 20s}\n"
      "      - SetCpuset: {cgroup: nomad, cpus: \"0\"}\n"
      "    hold: {every: 400ms, for: 4s}\n");
  run.Finish("PASS");
  CHECK(SliceIn(run, 1).at("cpus_used").size() >= 3);
}

}  // namespace
}  // namespace ktstr::test
