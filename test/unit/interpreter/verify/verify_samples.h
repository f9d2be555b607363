// A run of VerifyScenario() as it would be on a real kernel, for tests to spoil.
#pragma once

#include "interpreter/report/report_run.h"
#include "interpreter/verify/verify_report.h"

namespace ktstr::test {

inline vmm::TaskRecord Worker(std::int32_t pid, std::uint64_t runtime) {
  vmm::TaskRecord task;
  task.pid = pid;
  task.comm = "SpinWait";
  task.cgroup = "/ktstr/verify";
  task.sched_class = "ext";
  task.start_time_ns = 1000;
  task.sum_exec_runtime = runtime;
  return task;
}

inline StoredSnapshot Look(std::string_view tag, std::uint64_t runtime) {
  StoredSnapshot snapshot;
  snapshot.tag = tag;
  vmm::SnapshotReport& report = snapshot.report;
  report.scx_sched_state.emplace();
  report.scx_sched_state->ops = "qmap";
  report.scx_sched_state->state = "enabled";
  report.prog_runtime_stats = {{"qmap_dispatch", 9, "struct_ops", 1, 0, 0, "qmap_dispatch", 1204},
                               {"qmap_cpu_releas", 7, "struct_ops", 0, 0, 0, "qmap_cpu_release", 96}};
  report.tasks = {Worker(50, runtime), Worker(51, runtime)};
  report.tasks[1].start_time_ns = 2000;
  report.tasks.push_back(Worker(1, runtime));
  report.tasks.back().cgroup = "/";  // no worker
  return snapshot;
}

inline FinishedRun GoodRun() {
  FinishedRun run;
  run.name = "qmap";
  run.kernel = "6.12.1";
  run.topology = "1n1l2c1t";
  run.directory = "runs/R/qmap@1n1l2c1t";
  run.repeat_command = "ktstr-interp verify a.yaml";
  run.outcome.verdict = Verdict::kPass;
  run.outcome.observed.snapshots = {Look(kAttachedTag, 10'000'000), Look(kRanTag, 250'000'000)};
  return run;
}

inline VerifySubject Subject(const std::string& name = "qmap") {
  VerifySubject subject{name, name, {}, ".", {"a.yaml"}};
  subject.def.use = "scx_qmap";
  return subject;
}

}  // namespace ktstr::test
