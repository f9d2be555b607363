// Small run records for the tests of fold and judge.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "interpreter/fold/stats.h"

namespace ktstr::test {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSec = 1'000'000'000;

/// BASELINE 0..100 ms, then the named steps of one second each, from 1 s on.
inline RunRecord RecordWithSteps(const std::vector<std::string>& steps) {
  RunRecord record;
  record.online_cpus = 8;
  record.phases.push_back({0, "BASELINE", 10 * kSec, 10 * kSec + 100 * kMs, 0, 0, 0, true, true});
  for (std::uint32_t i = 0; i < steps.size(); ++i)
    record.phases.push_back(
        {i + 1, steps[i], (11 + i) * kSec, (12 + i) * kSec, i * 100U, i * 100U + 100, 1, true, true});
  return record;
}

inline WorkerGroup Group(std::uint32_t id, std::string cgroup, std::uint32_t expected, std::uint32_t phase) {
  WorkerGroup group;
  group.id = id;
  group.cgroup = std::move(cgroup);
  group.work_type = "SpinWait";
  group.expected = expected;
  group.first_phase = phase;
  return group;
}

/// A healthy worker: one second of life, half of it on a CPU, on CPU 0 and 1.
inline WorkerReport Report(std::uint32_t index) {
  WorkerReport report;
  report.index = index;
  report.completed = true;
  report.wall_ns = kSec;
  report.cpu_time_ns = kSec / 2;
  report.off_cpu_ns = kSec / 2;
  report.work_units = 1000;
  report.iterations = 100;
  report.cpus_used = {0, 1};
  return report;
}

inline WorkerReport Sentinel(std::uint32_t index, ExitKind kind, std::int32_t code) {
  WorkerReport report;
  report.index = index;
  report.exit_info = ExitInfo{kind, code, ""};
  return report;
}

}  // namespace ktstr::test
