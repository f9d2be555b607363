// What the kernel counts of cgroups, held against what a payload in the guest reads there itself.
#include <catch2/catch.hpp>
#include <cmath>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// The metric of a cgroup in a phase; NaN: it has none.
double Metric(const Json& stats, const std::string& phase, const std::string& cgroup,
              const std::string& name) {
  for (const Json& bucket : stats.at("phases"))
    if (bucket.at("label") == phase)
      for (const Json& row : bucket.at("per_cgroup"))
        if (row.at("cgroup") == cgroup && row.at("metrics").contains(name)) return row.at("metrics").at(name);
  return std::nan("");
}

TEST_CASE("cgroups: throttling and pressure are what the guest's own files say") {
  const std::string payload = "payload.look.";
  GuestRun run(
      "topology: 1n1l2c1t\n"
      "payloads:\n"
      "  look:\n    binary: sh\n    output: {parse: kv}\n    args:\n      - -c\n      - |\n"
      "        cd /sys/fs/cgroup/ktstr/tight\n"
      "        while read name value; do echo $name=$value; done < cpu.stat\n"
      "        read some a b c total < cpu.pressure; echo pressure_usec=${total#total=}\n"
      "  burn: {binary: sh, args: [-c, 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done']}\n"
      "backdrop:\n"
      "  cgroups:\n"
      "    - {name: tight, cpu: {max: 20%}, work: [{type: SpinWait, workers: 2}]}\n"
      "    - {name: free, work: [{type: SpinWait, workers: 2}]}\n"
      "    - {name: pay}\n"
      "steps:\n"
      "  - name: first\n    hold: 500ms\n"
      "  - name: second\n"
      "    ops:\n      - RunPayload: {payload: burn, cgroup: pay}\n"
      "      - WaitPayload: {payload: burn, timeout: 60s}\n"
      "      - Sleep: {for: 1s}\n"
      "      - RunPayload: {payload: look}\n"
      "      - WaitPayload: {payload: look, timeout: 60s}\n"
      "checks:\n"
      "  - {metric: throttled_pct, cgroup: tight, phase: first, min: 50}\n"
      "  - {metric: throttled_ms, cgroup: free, max: 0ms}\n"
      "  - {metric: cgroup_cpu_time_ms, cgroup: pay, phase: second, min: 1ms}\n");
  run.Finish("PASS");
  const Json stats = run.File("stats.json");
  const Json look = run.Payload("look").at("metrics");
  const auto seen = [&](const std::string& name) -> double {
    for (const Json& metric : look.at("metrics"))
      if (metric.at("name") == name) return metric.at("value");
    FAIL("the payload printed no " + name);
    return 0;
  };
  const auto ours = [&](const std::string& name) {
    return Metric(stats, "first", "tight", name) + Metric(stats, "second", "tight", name);
  };
  // Since it was made, less what came before the first step, and more what came after the payload had looked.
  CHECK(std::abs(ours("throttled_periods") - seen("nr_throttled")) <= 4);
  CHECK(std::abs(ours("cgroup_cpu_time_ms") - seen("usage_usec") / 1000) <= 100);
  CHECK(std::abs(ours("throttled_ms") - seen("throttled_usec") / 1000) <= 800);
  CHECK(std::abs(ours("cpu_pressure_ms") - seen("pressure_usec") / 1000) <= 400);
  // Workers at 20 % with two on a CPU wait nearly always; a cgroup of payloads has no workers.
  CHECK(Metric(stats, "second", "tight", "cpu_pressure_pct") > 50);
  CHECK(Metric(stats, "first", "free", "throttled_periods") == 0);
  CHECK(std::isnan(Metric(stats, "second", "pay", "num_workers")));
  CHECK(Metric(stats, "first", "pay", "cgroup_cpu_time_ms") < 1);
}

}  // namespace
}  // namespace ktstr::test
