// Finished runs made by hand, for the tests of the reports.
#pragma once

#include <catch2/catch.hpp>

#include "interpreter/report/report_run.h"

namespace ktstr::test {

inline FinishedRun PassedRun() {
  FinishedRun run;
  run.file = "cpuset/shrink.yaml";
  run.name = "shrink";
  run.variant = "1n2l2c1t";
  run.kernel = "6.12.1";
  run.topology = "1n2l2c1t";
  run.seed = 42;
  run.outcome.verdict = Verdict::kPass;
  MachineFacts& machine = run.outcome.machine;
  machine.kernel_release = "6.12.1";
  machine.accel = "tcg";
  machine.clock = "wall";
  machine.topology = "1n2l2c1t";
  machine.memory_mib = 320;
  machine.started = "boot";
  machine.ready_ms = 1500;
  machine.total_ms = 4800;
  run.directory = "runs/20260131T101502Z-4711/shrink@1n2l2c1t";
  run.repeat_command =
      "ktstr-interp run cpuset/shrink.yaml --variant 1n2l2c1t --seed 42 --accel tcg --kernel 6.12.1";
  return run;
}

inline CheckResult BadCheck(Verdict verdict, std::string check, std::string message) {
  CheckResult result;
  result.verdict = verdict;
  result.check = std::move(check);
  result.message = std::move(message);
  return result;
}

inline FinishedRun FailedRun() {
  FinishedRun run = PassedRun();
  RunOutcome& outcome = run.outcome;
  outcome.verdict = Verdict::kFail;
  outcome.cause = "max_gap_ms of cgroup hot is 4812 ms (worker hot/3 on cpu 5), above the maximum of 2000 ms";
  outcome.cause_path = "steps/1/checks/0";
  outcome.cause_phase = "shrink";
  outcome.machine.total_ms = 9800;
  for (const auto& [index, name] : {std::pair{0U, "BASELINE"}, {1U, "warm"}, {2U, "shrink"}}) {
    PhaseWindow window;
    window.index = index;
    window.name = name;
    window.start_ns = 1'000'000'000;
    window.end_ns = 4'200'000'000;
    window.started = window.ended = true;
    outcome.record.phases.push_back(window);
  }
  CgroupStats cold;
  cold.cgroup = "cold";
  cold.num_workers = cold.missing_workers = 1;
  cold.cpus_used = {{4}};
  cold.metrics.items = {{"max_gap_ms", 10}};
  CgroupStats hot;
  hot.cgroup = "hot";
  hot.num_workers = 8;
  hot.cpus_used = {{0, 1, 2, 3}};
  hot.metrics.items = {{"migrations", 12}, {"iterations", 1200}, {"max_gap_ms", 4812}};
  PhaseBucket bucket;
  bucket.index = 2;
  bucket.label = "shrink";
  bucket.per_cgroup = {cold, hot};
  outcome.stats.phases = {bucket};
  outcome.checks = {BadCheck(Verdict::kPass, "progress", "all made progress"),
                    BadCheck(Verdict::kFail, "max_gap_ms", outcome.cause),
                    BadCheck(Verdict::kFail, "iteration_rate", "iteration_rate of cgroup cold is 5"),
                    BadCheck(Verdict::kInconclusive, "p99", "no data for p99_wake_latency_us"),
                    BadCheck(Verdict::kFail, "payload", "not counted"),
                    BadCheck(Verdict::kFail, "iterations", "one too many")};
  outcome.checks[1].cgroup = "hot";
  outcome.checks[1].path = outcome.cause_path;
  outcome.checks[4].counts = false;
  run.cause_place = "cpuset/shrink.yaml:41:7";
  run.cause_source = "- {metric: max_gap_ms, cgroup: hot, max: 2s}";
  return run;
}

}  // namespace ktstr::test
