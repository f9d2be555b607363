// Workers that were moved: each cgroup has what was done in it, also within one phase.
#include <catch2/catch.hpp>
#include <cmath>

#include "interpreter/fold/fold.h"
#include "test/unit/interpreter/fold/test_fold_record.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

PhaseSlice Slice(std::uint32_t phase, std::uint64_t begin_ns, std::uint64_t iterations, std::uint32_t cpu) {
  PhaseSlice slice;
  slice.phase = phase;
  slice.begin_ns = begin_ns;
  slice.wall_ns = kSec / 2;
  slice.iterations = iterations;
  slice.cpus_used = {cpu};
  slice.max_gap_ms = iterations;
  return slice;
}

std::string Row(const CgroupStats& row) {
  std::string text = row.cgroup + " " + std::to_string(row.num_workers) + " on " + FormatCpus(row.cpus_used);
  for (const auto& [name, value] : row.metrics.items)
    if (name == "iterations" || name == "max_gap_ms")
      text += " " + name + "=" + std::to_string(std::lround(value));
  return text;
}
std::string Rows(const std::vector<CgroupStats>& rows) {
  std::string all;
  for (const CgroupStats& row : rows) all += Row(row) + "\n";
  return all;
}

/// A worker of the backdrop that goes from a to b in the middle of step `one`, and back to a in step `two`.
RunRecord Moved() {
  RunRecord record = RecordWithSteps({"one", "two"});
  WorkerGroup group = Group(1, "a", 1, 0);
  group.backdrop = true;
  group.moves = {{"b", 11 * kSec + kSec / 2}, {"a", 12 * kSec}};
  record.groups = {group};
  WorkerReport report = Report(0);
  report.created_ns = 11 * kSec;
  report.iterations = 111;
  report.phase_slices = {Slice(1, 11 * kSec, 1, 0), Slice(1, 11 * kSec + kSec / 2, 10, 1),
                         Slice(2, 12 * kSec, 40, 2), Slice(2, 12 * kSec + kSec / 2, 60, 3)};
  record.reports.push_back({1, report});
  return record;
}

}  // namespace

TEST_CASE("a worker that was moved counts where it was, when it was there") {
  const Stats stats = Fold(Moved());
  CHECK(Rows(stats.FindPhase("one")->per_cgroup) ==
        "a 1 on 0 max_gap_ms=1 iterations=1\nb 1 on 1 max_gap_ms=10 iterations=10\n");
  // Two slices of one phase in one cgroup are one worker.
  CHECK(Rows(stats.FindPhase("two")->per_cgroup) == "a 1 on 2-3 max_gap_ms=60 iterations=100\n");
  CHECK(Rows(stats.cgroups) ==
        "a 1 on 0,2-3 max_gap_ms=60 iterations=101\nb 1 on 1 max_gap_ms=10 iterations=10\n");
}

TEST_CASE("a worker that was moved and is missing is missing where it was last") {
  RunRecord record = Moved();
  record.reports.clear();
  const Stats stats = Fold(record);
  CHECK(stats.FindCgroup("a")->missing_workers == 1);
  record.groups[0].moves.pop_back();
  const Stats earlier = Fold(record);
  CHECK(earlier.FindCgroup("a")->missing_workers == 0);
  CHECK(earlier.FindCgroup("b")->missing_workers == 1);
}
