// What a verification concludes from a run, and how it compares it with an earlier one.
#include <catch2/catch.hpp>

#include "test/unit/interpreter/verify/verify_samples.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

constexpr const char* kRejectedOutput =
    "libbpf: prog 'qmap_init': BPF program load failed: Permission denied\n"
    "libbpf: prog 'qmap_init': -- BEGIN PROG LOAD LOG --\n"
    "R1 invalid mem access 'scalar'\n"
    "processed 7 insns (limit 1000000)\n"
    "-- END PROG LOAD LOG --\n";

VerifyResult Of(const FinishedRun& run, std::string_view output = "") {
  return MakeVerifyResult(run, Subject(), output);
}

vmm::SnapshotReport& Report(FinishedRun& run, std::size_t i) {
  return run.outcome.observed.snapshots[i].report;
}

VerifyResult WithCount(std::uint64_t insns) {
  VerifyResult result;
  result.scheduler = "qmap";
  result.kernel = "6.12.1";
  result.topology = "1n1l2c1t";
  result.verdict = Verdict::kPass;
  result.programs = {{"a", "struct_ops", insns, {}}, {"b", "struct_ops", 10, {}}};
  return result;
}

}  // namespace

TEST_CASE("A good run passes with its programs by load order, whole names, and proof that workers ran") {
  const VerifyResult result = Of(GoodRun());
  CHECK(result.verdict == Verdict::kPass);
  CHECK(result.cause.empty());
  CHECK(result.state == "enabled");
  CHECK(result.ops == "qmap");
  CHECK(result.dispatch.workers == 2);
  CHECK(result.dispatch.ran == 2);
  CHECK(result.dispatch.ran_ns == 480'000'000);
  REQUIRE(result.programs.size() == 2);
  CHECK(result.programs[0].name == "qmap_cpu_release");
  CHECK(result.programs[0].insns == 96U);
  CHECK(TotalInsns(result.programs) == 1300U);
  CHECK(result.notes.empty());
}

TEST_CASE("A run that passed without workers of class ext that ran is a failure") {
  FinishedRun run = GoodRun();
  for (vmm::TaskRecord& task : Report(run, 1).tasks) task.sched_class = "fair";
  CHECK(Of(run).verdict == Verdict::kFail);
  CHECK(Of(run).cause == "none of 2 workers ran while it was attached");
  run = GoodRun();
  Report(run, 1).tasks = Report(run, 0).tasks;
  CHECK(Of(run).verdict == Verdict::kFail);
  run.outcome.machine.cpu_quality = CpuGrade::kPoor;
  CHECK(Of(run).verdict == Verdict::kInconclusive);
  CHECK(Of(run).cause ==
        "none of 2 workers ran while it was attached, and the host had no CPU for the machine");
}

TEST_CASE("One worker that ran is proof, another pid or another task with that pid is not") {
  FinishedRun run = GoodRun();
  Report(run, 1).tasks[0].sum_exec_runtime = 10'000'000;
  CHECK(Of(run).verdict == Verdict::kPass);
  CHECK(Of(run).dispatch.ran == 1);
  Report(run, 1).tasks[1].start_time_ns = 3000;
  CHECK(Of(run).cause == "none of 1 workers ran while it was attached");
}

TEST_CASE("Without data nothing is proven: inconclusive, with the reason") {
  FinishedRun run = GoodRun();
  run.outcome.observed.snapshots.pop_back();
  CHECK(Of(run).verdict == Verdict::kInconclusive);
  CHECK(Of(run).cause == "the kernel could not be looked at: no snapshot was taken");
  run = GoodRun();
  Report(run, 0) = vmm::MakePlaceholder("the guest did not stop");
  CHECK(Of(run).cause == "the kernel could not be looked at: the guest did not stop");
  run = GoodRun();
  Report(run, 0).prog_runtime_stats.clear();
  Report(run, 0).prog_runtime_stats_unavailable = "prog accessor unavailable: x";
  CHECK(Of(run).verdict == Verdict::kInconclusive);
  CHECK(Of(run).cause == "the kernel's BPF programs could not be read: prog accessor unavailable: x");
  run = GoodRun();
  Report(run, 0).prog_runtime_stats[0].verified_insns.reset();
  CHECK(Of(run).verdict == Verdict::kInconclusive);
  CHECK(Of(run).cause == "this kernel does not tell how many instructions its verifier processed");
  run = GoodRun();
  Report(run, 1).tasks.clear();
  Report(run, 1).tasks_unavailable = "no task walker available";
  CHECK(Of(run).verdict == Verdict::kInconclusive);
  CHECK(Of(run).cause == "the workers could not be looked at: no task walker available");
}

TEST_CASE("A scheduler that is not enabled behind its attach fails") {
  FinishedRun run = GoodRun();
  Report(run, 0).scx_sched_state->state = "disabling";
  CHECK(Of(run).verdict == Verdict::kFail);
  CHECK(Of(run).cause == "the kernel's sched_ext is 'disabling' after the attach");
}

TEST_CASE("What the verifier said comes before what its program said of it") {
  FinishedRun run;
  run.outcome.verdict = Verdict::kFail;
  run.outcome.cause = "scheduler 'qmap' was not attached: it exited with code 1";
  CHECK(Of(run).cause == "scheduler 'qmap' was not attached: it exited with code 1");
  const VerifyResult result = Of(run, kRejectedOutput);
  CHECK(result.verdict == Verdict::kFail);
  CHECK(result.cause == "the verifier rejects qmap_init: R1 invalid mem access 'scalar'");
  REQUIRE(result.programs.size() == 1);
  CHECK(result.programs[0].name == "qmap_init");
  CHECK_FALSE(result.programs[0].insns.has_value());
  CHECK(Of(run, std::string(kRejectedOutput) + kRejectedOutput).cause ==
        "the verifier rejects qmap_init: R1 invalid mem access 'scalar'; and 1 more");
}

TEST_CASE("A program that the verifier nearly gave up on is noted") {
  FinishedRun run = GoodRun();
  Report(run, 0).prog_runtime_stats[0].verified_insns = 900'000;
  CHECK(Of(run).verdict == Verdict::kPass);
  CHECK(Of(run).notes ==
        std::vector<std::string>{
            "qmap_dispatch took the verifier 900000 instructions; no kernel processes more than 1000000"});
}

TEST_CASE("A limit on instructions names the program that is above it, and lets one at it pass") {
  VerifyResult result = WithCount(100);
  JudgeLimits({100, {}}, result);
  CHECK(result.verdict == Verdict::kPass);
  JudgeLimits({99, {}}, result);
  CHECK(result.verdict == Verdict::kFail);
  CHECK(result.cause == "a took the verifier 100 instructions, above the limit of 99");
  CHECK(result.notes.empty());
  result = WithCount(100);
  JudgeLimits({9, {}}, result);
  CHECK(result.notes ==
        std::vector<std::string>{"b took the verifier 10 instructions, above the limit of 9"});
}

TEST_CASE("Growth is judged for each program and for all together, against the same combination only") {
  const VerifyLimits limits{{}, Percent{0.05}};
  VerifyResult result = WithCount(106);
  CompareWith({WithCount(100)}, result);
  CHECK(result.in_baseline);
  CHECK(result.programs[0].baseline == 100U);
  JudgeLimits(limits, result);
  CHECK(result.verdict == Verdict::kFail);
  CHECK(result.cause == "a grew by 6.0 %, from 100 to 106 instructions, above the limit of 5%");
  CHECK(result.notes == std::vector<std::string>{"all programs together grew by 5.5 %, from 110 to 116 "
                                                 "instructions, above the limit of 5%"});
  result = WithCount(105);
  CompareWith({WithCount(100)}, result);
  JudgeLimits(limits, result);
  CHECK(result.verdict == Verdict::kPass);
  VerifyResult other = WithCount(100);
  other.topology = "1n2l2c2t";
  result = WithCount(100);
  CompareWith({other}, result);
  CHECK_FALSE(result.in_baseline);
  JudgeLimits(limits, result);
  CHECK(result.verdict == Verdict::kInconclusive);
  CHECK(result.cause ==
        "how much it grew cannot be told: the baseline has no counts of this scheduler, kernel and topology");
}

TEST_CASE("A new program counts for all together; one that is gone is kept with what it took") {
  VerifyResult before = WithCount(100);
  before.programs[1].name = "old";
  VerifyResult result = WithCount(100);
  result.programs[1].insns = 90;
  CompareWith({before}, result);
  REQUIRE(result.programs.size() == 3);
  CHECK(result.programs[2].name == "old");
  CHECK(result.programs[2].baseline == 10U);
  CHECK_FALSE(result.programs[2].insns.has_value());
  JudgeLimits({{}, Percent{0.5}}, result);
  CHECK(result.cause ==
        "all programs together grew by 72.7 %, from 110 to 190 instructions, above the limit of 50%");
}

TEST_CASE("A failure stays what it was, whatever the limits") {
  VerifyResult result = WithCount(100);
  result.verdict = Verdict::kError;
  result.cause = "QEMU was killed by SIGKILL";
  JudgeLimits({1, Percent{0}}, result);
  CHECK(result.verdict == Verdict::kError);
  CHECK(result.cause == "QEMU was killed by SIGKILL");
}
