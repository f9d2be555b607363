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

constexpr const char* kLook =
    "      - RunPayload: {payload: look}\n      - WaitPayload: {payload: look, timeout: 60s}\n";

/// What the payload saw each time it looked, by name.
std::vector<double> Seen(const GuestRun& run, const std::string& name) {
  std::vector<double> seen;
  const Json record = run.File("reports.json");
  for (const Json& payload : record.at("payloads"))
    if (payload.at("name") == "look")
      for (const Json& metric : payload.at("metrics").at("metrics"))
        if (metric.at("name") == name) seen.push_back(metric.at("value"));
  return seen;
}

TEST_CASE("cgroups: throttling and pressure are what the guest's own files say") {
  GuestRun run(
      std::string("topology: 1n1l2c1t\n"
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
                  "  - name: first\n    ops:\n      - Sleep: {for: 500ms}\n") +
      kLook + "  - name: second\n    ops:\n" + kLook +
      "      - RunPayload: {payload: burn, cgroup: pay}\n"
      "      - WaitPayload: {payload: burn, timeout: 60s}\n"
      "      - Sleep: {for: 1s}\n" +
      kLook + "  - name: third\n    ops:\n" + kLook +
      "checks:\n"
      "  - {metric: throttled_pct, cgroup: tight, phase: second, min: 30}\n"
      "  - {metric: throttled_ms, cgroup: free, max: 0ms}\n"
      "  - {metric: cgroup_cpu_time_ms, cgroup: pay, phase: second, min: 1ms}\n");
  run.Finish("PASS");
  const Json stats = run.File("stats.json");
  // The payload looks in the first step, twice in the second one and in the third: what the second step had
  // is at least what came between its own looks, and at most what came between the outer ones.
  const auto check = [&](const std::string& metric, const std::string& name, double divisor) {
    INFO(metric);
    const std::vector<double> seen = Seen(run, name);
    REQUIRE(seen.size() == 4);
    const double ours = Metric(stats, "second", "tight", metric) * divisor;
    CHECK(ours >= seen[2] - seen[1] - 0.5);
    CHECK(ours <= seen[3] - seen[0] + 0.5);
    CHECK(seen[2] > seen[1]);
  };
  check("throttled_periods", "nr_throttled", 1);
  check("cgroup_cpu_time_ms", "usage_usec", 1000);
  check("throttled_ms", "throttled_usec", 1000);
  check("cpu_pressure_ms", "pressure_usec", 1000);
  // Its neighbour has no quota; a cgroup of payloads has no workers.
  CHECK(Metric(stats, "first", "free", "throttled_periods") == 0);
  CHECK(std::isnan(Metric(stats, "second", "pay", "num_workers")));
  CHECK(Metric(stats, "first", "pay", "cgroup_cpu_time_ms") < 1);
}

}  // namespace
}  // namespace ktstr::test
