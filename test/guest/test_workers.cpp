// Workers that are lost, kept, and measured.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

// A shell that sends a signal to the first worker of cgroup busy.
std::string SignalsWorker(const std::string& signal) {
  return "payloads:\n  shoot:\n    binary: sh\n"
         "    args: [-c, 'read pid < /sys/fs/cgroup/ktstr/busy/cgroup.procs; kill -" +
         signal +
         " $pid']\n"
         "    checks: [{exit_code: 0}]\n"
         "steps:\n  - name: work\n    cgroups: [{name: busy, work: [{type: SpinWait, workers: 3}]}]\n"
         "    ops: [{RunPayload: {payload: shoot}}, {WaitPayload: {payload: shoot}}]\n    hold: 200ms\n";
}

std::size_t Completed(const Json& reports) {
  std::size_t completed = 0;
  for (const Json& report : reports) completed += report.at("report").at("completed") == true ? 1 : 0;
  return completed;
}

Json Sentinel(const Json& reports) {
  for (const Json& report : reports)
    if (report.at("report").at("completed") == false) return report.at("report");
  return {};
}

TEST_CASE("a killed worker is named and the others' reports are kept") {
  GuestRun run(SignalsWorker("KILL"));
  run.Finish("ERROR");
  CHECK(run.first_line() ==
        "ERROR scenario.yaml: worker busy/0 left no report: killed by SIGKILL (sent no report)");
  const Json reports = run.Reports();
  CHECK(reports.size() == 3);
  CHECK(Completed(reports) == 2);
  CHECK(Sentinel(reports).at("exit_info").at("kind") == "signaled");
  const Json cgroup = run.result().at("stats").at("cgroups")[0];
  CHECK(cgroup.at("num_workers") == 2);
  CHECK(cgroup.at("missing_workers") == 1);
}

TEST_CASE("a worker that does not stop is killed and named") {
  GuestRun run(SignalsWorker("STOP"));
  run.Finish("ERROR");
  CHECK(run.cause() ==
        "worker busy/0 left no report: it did not stop in time and was killed (sent no report)");
  const Json reports = run.Reports();
  CHECK(Completed(reports) == 2);
  CHECK(Sentinel(reports).at("exit_info").at("kind") == "timed_out");
}

TEST_CASE("stopped and removed cgroups keep their telemetry") {
  GuestRun run(
      "backdrop:\n  cgroups:\n"
      "    - {name: stopped, work: [{type: SpinWait}]}\n"
      "    - {name: removed, work: [{type: YieldHeavy, workers: 2}]}\n"
      "steps:\n  - {name: both, hold: 200ms}\n"
      "  - {name: none, ops: [{StopCgroup: {cgroup: stopped}}, {RemoveCgroup: {cgroup: removed}}]}\n");
  run.Finish("PASS");
  CHECK(Completed(run.Reports()) == 3);
  const Json cgroups = run.result().at("stats").at("cgroups");
  REQUIRE(cgroups.size() == 2);
  CHECK(cgroups[0].at("num_workers") == 1);
  CHECK(cgroups[1].at("num_workers") == 2);
}

TEST_CASE("what workers say of their CPU time is what their cgroup was charged") {
  GuestRun run(
      "payloads:\n  charge:\n    binary: sh\n"
      "    args: [-c, 'read key usec < /sys/fs/cgroup/ktstr/busy/cpu.stat; echo $key=$usec']\n"
      "    output: {parse: kv}\n    checks: [{exit_code: 0}, {exists: usage_usec}]\n"
      "backdrop: {cgroups: [{name: busy, cpu: {weight: 100}, work: [{type: SpinWait, workers: 2}, {type: "
      "Bursty,\n"
      "  burst_duration: 20ms, sleep_duration: 20ms}]}]}\n"
      "steps:\n  - {name: work, hold: 2s}\n"
      "  - name: count\n    ops: [{StopCgroup: {cgroup: busy}}, {RunPayload: {payload: charge}}, "
      "{WaitPayload: {payload: charge}}]\n");
  run.Finish("PASS");
  double charged_ms = 0;
  const Json charge = run.Payload("charge");
  for (const Json& metric : charge.at("metrics").at("metrics"))
    if (metric.at("name") == "usage_usec") charged_ms = metric.at("value").get<double>() / 1e3;
  double by_clock_ms = 0, by_schedstat_ms = 0, wall_ms = 0;
  for (const Json& entry : run.Reports()) {
    const Json& report = entry.at("report");
    by_clock_ms += report.at("cpu_time_ns").get<double>() / 1e6;
    REQUIRE(report.at("schedstat_available") == true);
    by_schedstat_ms += report.at("schedstat_cpu_time_ns").get<double>() / 1e6;
    wall_ms += report.at("wall_ns").get<double>() / 1e6;
    CHECK(report.at("cpu_time_ns").get<double>() <= report.at("wall_ns").get<double>());
  }
  CHECK(charged_ms > 1000);
  CHECK(by_clock_ms == Approx(charged_ms).epsilon(0.2));
  CHECK(by_schedstat_ms == Approx(charged_ms).epsilon(0.2));
  CHECK(charged_ms < wall_ms);
}

TEST_CASE("workers see the CPUs they run on and their moves between them") {
  GuestRun run(
      "topology: 1n1l4c1t\n"
      "backdrop: {cgroups: [{name: nomad, cpuset: \"1\", work: [{type: SpinWait}]}]}\n"
      "steps:\n  - {name: here, hold: 300ms}\n"
      "  - {name: there, ops: [{SetCpuset: {cgroup: nomad, cpus: \"3\"}}], hold: 300ms}\n");
  run.Finish("PASS");
  const Json report = run.Reports().at(0).at("report");
  CHECK(report.at("cpus_used") == Json({1, 3}));
  REQUIRE(report.at("migration_count") == 1);
  CHECK(report.at("migrations")[0].at("from_cpu") == 1);
  CHECK(report.at("migrations")[0].at("to_cpu") == 3);
  for (const Json& slice : report.at("phase_slices")) {
    if (slice.at("phase") == 1) CHECK(slice.at("cpus_used") == Json({1}));
    if (slice.at("phase") == 2) CHECK(slice.at("migration_count") <= 1);
  }
}

TEST_CASE("under the virtual clock a hold of 20 seconds lasts 20 seconds of guest time") {
  GuestRun run(
      "clock: virtual\nsteps:\n"
      "  - {name: long, cgroups: [{name: calm, work: [{type: Bursty, burst_duration: 1ms, "
      "sleep_duration: 500ms}]}], hold: 20s}\n");
  run.Finish("PASS");
  std::uint64_t begin = 0, end = 0;
  for (const Json& event : run.Events("phase_begin"))
    if (event.at("text") == "long") begin = event.at("clock_ns");
  for (const Json& event : run.Events("phase_end"))
    if (event.at("text") == "long") end = event.at("clock_ns");
  CHECK(begin > 0);
  CHECK(end - begin >= 20'000'000'000);
  CHECK(end - begin < 25'000'000'000);
  CHECK(run.result().at("machine").at("clock") == "virtual");
}

}  // namespace
}  // namespace ktstr::test
