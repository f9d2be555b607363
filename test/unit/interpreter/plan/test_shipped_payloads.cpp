// Payloads that a scenario names by `use:`.
#include <catch2/catch.hpp>

#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

const std::string kSteps = "steps: [{ops: [RunPayload: {payload: it}, WaitPayload: {payload: it}]}]\n";

/// As it is run.
Payload Shipped(const std::string& payload) {
  const LoadedPlan loaded("version: 1\npayloads: {it: " + payload + "}\n" + kSteps);
  INFO(loaded.Messages());
  REQUIRE(loaded.Messages().empty());
  return WithOverrides(loaded.scenario, {}).payloads.items.front().second;
}

std::string Lint(const std::string& payload) {
  return LoadedPlan("version: 1\npayloads: {it: " + payload + "}\n" + kSteps).Messages();
}

std::string Words(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

/// "seconds=0.059 s; ..." of what a program printed.
std::string Read(const Payload& payload, const std::string& text) {
  std::string all;
  for (const PayloadMetric& metric : ExtractMetrics(payload.output, payload.metrics, text, "").metrics)
    all += metric.name + "=" + std::to_string(metric.value).substr(0, 6) + " " + metric.unit + "; ";
  return all;
}

}  // namespace

TEST_CASE("a shipped payload is a program with arguments, and those of the scenario take their place") {
  const Payload plain = Shipped("{use: hackbench}");
  CHECK_FALSE(plain.use);
  CHECK(plain.binary == "hackbench");
  CHECK(Words(plain.args) == "--pipe --groups 1 --loops 50");
  CHECK(Words(Shipped("{use: hackbench, args: [-l, '7']}").args) == "-l 7");
  const Payload worker = Shipped("{use: jemalloc-worker}");
  CHECK(worker.binary == "ktstr-jemalloc-alloc-worker");
  CHECK(Words(worker.args) == "16777216");
  CHECK(Shipped("{use: jemalloc-worker-shared}").binary == "ktstr-jemalloc-alloc-worker-shared");
  // What its output needs stays.
  CHECK(Words(Shipped("{use: cyclictest, args: [-t, '2']}").args) == "--quiet --json=/proc/self/fd/1 -t 2");
  const Payload probe = Shipped("{use: jemalloc-probe, args: ['42']}");
  CHECK(probe.binary == "ktstr-jemalloc-probe");
  CHECK(Words(probe.args) == "--pid 42");
  CHECK(Words(Shipped("{use: stress-ng, args: [--vm, '1']}").args) == "--metrics-brief --vm 1");
}

TEST_CASE("the output of shipped payloads is read as the programs print it") {
  CHECK(Read(Shipped("{use: hackbench}"),
             "Running in process mode with 2 groups using 40 file descriptors each (== 80 tasks)\n"
             "Each sender will pass 50 messages of 100 bytes\nTime: 0.059\n") == "seconds=0.0590 s; ");
  CHECK(Read(Shipped("{use: stress-ng}"),
             "stress-ng: metrc: [30919] stressor       bogo ops real time  usr time  sys time   bogo ops/s   "
             "  bogo "
             "ops/s\n"
             "stress-ng: metrc: [30919]                           (secs)    (secs)    (secs)   (real time) "
             "(usr+sys time)\n"
             "stress-ng: metrc: [30919] cpu                 887      1.00      0.53      0.00       884.78   "
             "     "
             "1666.84\n"
             "stress-ng: info:  [30919] successful run completed in 1.00s\n") ==
        "bogo_ops=887.00 ; bogo_ops_per_sec=884.78 ; ");
  CHECK(Read(Shipped("{use: cyclictest}"),
             "# /dev/cpu_dma_latency set to 0us\n{\"thread\": {\"0\": {\"min\": 53, \"max\": 55, \"avg\": "
             "54.00}}}\n"
             "T: 0 (30917) P: 0 I:1000 C:     20 Min:     53 Act:   55 Avg:   54 Max:      55\n") ==
        "thread.0.min=53.000 us; thread.0.max=55.000 us; thread.0.avg=54.000 us; ");
}

TEST_CASE("what the author says of a metric goes before what is shipped") {
  const Payload payload = Shipped("{use: hackbench, metrics: {seconds: {unit: ms}}}");
  CHECK(payload.metrics.Find("seconds")->unit == "ms");
}

TEST_CASE("mistakes in `use` are said, whole") {
  CHECK(Lint("{use: hackbenhc}") ==
        "payloads/it/use: expected cyclictest, hackbench, jemalloc-probe, jemalloc-worker, "
        "jemalloc-worker-shared or stress-ng, found 'hackbenhc' (did you mean 'hackbench'?)\n");
  CHECK(Lint("{}") == "payloads/it: say what runs: `binary`, or `use` for a shipped one\n");
  CHECK(Lint("{use: hackbench, binary: sh}") == "payloads/it/binary: binary and use exclude each other\n");
  CHECK(Lint("{use: hackbench, output: {parse: kv}}") ==
        "payloads/it/output: what is shipped says how its output is read\n");
  const LoadedPlan loaded("version: 1\npayloads: {it: {use: hackbench}}\n" + kSteps +
                          "checks: [{metric: payload.it.second, max: 3s}]\n");
  Diagnostics diagnostics;
  PlanRuns(WithOverrides(loaded.scenario, {}), {}, diagnostics);
  REQUIRE(diagnostics.size() == 1);
  CHECK(diagnostics.items()[0].path == "checks/0/metric");
}
