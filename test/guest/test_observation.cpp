// Runs that see and change their guest from outside. Those that must not pass name in their first line what
// was seen, or why it could not be.
#include <catch2/catch.hpp>
#include <set>

#include "test/checkout.h"
#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

/// A run of one step, in which a task "spin" spins on CPU 1 of two, on a kernel "built" or "fetched".
std::unique_ptr<GuestRun> Look(const std::string& kind, const std::string& ops,
                               const std::string& checks = "", const std::string& more = "") {
  const auto kernel = CachedKernel(kind);
  if (!kernel) return nullptr;
  return std::make_unique<GuestRun>(
      "topology: 1n1l2c1t\n" + more +
          "steps:\n"
          "  - name: look\n"
          "    cgroups: [{name: c, cpuset: \"1\", work: [{type: SpinWait, comm: spin}]}]\n"
          "    ops: [" +
          ops + "]\n    hold: 300ms\n    checks: [" + checks + "]\n",
      std::vector<std::string>{"--kernel", kernel->image.string()});
}

void ExpectCause(const std::string& kind, const std::string& ops, const std::string& checks,
                 const std::string& verdict, const std::string& pattern, const std::string& more = "") {
  INFO(kind << ": " << ops << checks << more);
  const auto run = Look(kind, ops, checks, more);
  if (run == nullptr) return Skip("no kernel was " + kind);
  run->Finish(verdict);
  CHECK_THAT(run->first_line(), Catch::Matches(verdict + " scenario\\.yaml: " + pattern));
}

/// The same on both kernels.
void ExpectBoth(const std::string& ops, const std::string& checks, const std::string& verdict,
                const std::string& pattern, const std::string& more = "") {
  for (const char* kind : {"built", "fetched"}) ExpectCause(kind, ops, checks, verdict, pattern, more);
}

constexpr char kSnapshot[] = "{CaptureSnapshot: {tag: now}}";

TEST_CASE("observation: a value in a snapshot that breaks a check is quoted") {
  ExpectBoth(
      kSnapshot,
      "{snapshot: now, at: \"tasks[comm=spin].static_prio\", max: 110, because: it was to be nice}", "FAIL",
      R"(tasks\[comm=spin\]\.static_prio in snapshot now is 120, above the maximum of 110: it was to be nice)");
  ExpectBoth(kSnapshot, "{snapshot: now, at: \"tasks[comm=spin].sched_class\", equals: ext}", "FAIL",
             R"(tasks\[comm=spin\]\.sched_class in snapshot now is fair, not ext)");
}

TEST_CASE("observation: names that a snapshot does not have are errors with what there is") {
  ExpectCause("built", kSnapshot, "{snapshot: now, map: counts, key: 1, min: 1}", "ERROR",
              "map 'counts', key 1 in snapshot now: no map 'counts'; there are none");
  ExpectCause("built", kSnapshot, "{snapshot: now, at: \"run_queues[7].nr_running\", min: 1}", "ERROR",
              R"(run_queues\[7\]\.nr_running in snapshot now: 'run_queues' has no \[7\], there are 2)");
  ExpectCause(
      "built", kSnapshot, "{snapshot: now, at: \"run_queus[0].nr_running\", min: 1}", "ERROR",
      R"(run_queus\[0\]\.nr_running in snapshot now: a snapshot has no 'run_queus'; did you mean 'run_queues'\?)");
  ExpectCause("built", kSnapshot, "{snapshot: now, at: \"tasks[comm=spin].comm\", min: 1}", "ERROR",
              R"(tasks\[comm=spin\]\.comm in snapshot now is spin, which is not a number)");
  ExpectCause(
      "built", kSnapshot, "{snapshot: now, at: scx_sched_state.exit_kind, equals: 0}", "INCONCLUSIVE",
      R"(scx_sched_state\.exit_kind in snapshot now: 'scx_sched_state' was not read: scx_root is NULL )"
      R"(\(no scheduler attached\))");
}

TEST_CASE("observation: places that the kernel does not have are errors") {
  constexpr char kMistyped[] = "{ReadKernelHot: {tag: j, target: jiffies_46, width: u64}}";
  // A kernel with a System.map says so before the machine starts.
  ExpectCause("built", kMistyped, "", "ERROR",
              R"(kernel [^ ]+ has no symbol 'jiffies_46'; did you mean 'jiffies_64'\?)");
  ExpectCause("fetched", kMistyped, "", "ERROR",
              R"(ReadKernelHot j <- jiffies_46: no kernel symbol 'jiffies_46'; did you mean 'jiffies_64'\?)");
  ExpectBoth(
      "{ReadKernelCold: {tag: j, target: {symbol: runqueues, cpu: 1, field: nr_runing}}}", "", "ERROR",
      R"(ReadKernelCold j <- runqueues\.nr_runing of CPU 1: struct rq has no member 'nr_runing'; did you mean )"
      R"('nr_running'\?)");
  ExpectBoth("{ReadKernelHot: {tag: j, target: {symbol: runqueues, cpu: 5, field: nr_running}}}", "", "ERROR",
             R"(ReadKernelHot j <- runqueues\.nr_running of CPU 5: CPU 5 does not exist; the guest has 2)");
  // In the hole in front of the direct map, which nothing is ever mapped in.
  ExpectBoth("{ReadKernelHot: {tag: j, target: {virtual: 0xffff800000000000}, width: u64}}", "", "ERROR",
             "ReadKernelHot j <- 0xffff800000000000: 0xffff800000000000 is not mapped");
  ExpectBoth("{WatchSnapshot: {tag: w, target: {virtual: 0xffff800000000000}}}", "", "ERROR",
             "WatchSnapshot w: 0xffff800000000000 is not mapped in the guest");
  ExpectBoth("{ReadKernelHot: {tag: j, target: {task: spni, field: prio}}}", "", "ERROR",
             "ReadKernelHot j <- prio of task 'spni': none of the guest's [0-9]+ tasks is called 'spni'");
  ExpectBoth("{PinBpfMap: {name: counts}}", "", "ERROR",
             "PinBpfMap counts: there is no BPF map 'counts'; the guest has none");
}

TEST_CASE("observation: a field of a task that runs, or whose class is not sched_ext, is not written") {
  constexpr char kWrite[] =
      "{WriteKernelCold: {writes: [{target: {task: spin, field: se.vruntime}, value: {set: 9}}]}}";
  ExpectBoth(kWrite, "", "ERROR",
             "WriteKernelCold se\\.vruntime of task 'spin': task [0-9]+: not queued: on_rq is 1; use a work "
             "type that "
             "blocks, so that the task sleeps when it is written");
  ExpectCause("fetched",
              "{WriteKernelHot: {writes: [{target: {task: spin, field: scx.slice}, value: {set: 9}}]}}", "",
              "ERROR", "WriteKernelHot scx\\.slice of task 'spin': struct task_struct has no member 'scx'");
}

TEST_CASE("observation: a run that fails before its snapshots still collects what its workers have") {
  GuestRun run(
      "payloads: {nap: {binary: sleep, args: [\"60\"]}}\n"
      "steps:\n"
      "  - name: wait\n"
      "    cgroups: [{name: c, work: [{type: SpinWait}]}]\n"
      "    ops: [{RunPayload: {payload: nap}}, {WaitPayload: {payload: nap, timeout: 100ms}}]\n"
      "  - {name: look, ops: [{CaptureSnapshot: {tag: never}}], hold: 100ms,\n"
      "     checks: [{snapshot: never, at: tasks.length, min: 1}]}\n",
      {});
  run.Finish("FAIL");
  const std::string checks = run.Text("checks.json");
  CHECK(checks.find("left no report") == std::string::npos);
  CHECK(checks.find("tasks.length in snapshot never: that snapshot was not taken") != std::string::npos);
}

TEST_CASE("observation: the processes in a cgroup are its workers, and those in another are not") {
  GuestRun run(
      "topology: 1n1l2c1t\n"
      "steps:\n"
      "  - name: who\n"
      "    cgroups:\n"
      "      - {name: busy, work: [{type: SpinWait, workers: 3}]}\n"
      "      - {name: other, work: [{type: Bursty}]}\n"
      "      - {name: empty}\n"
      "    ops:\n"
      "      - CaptureCgroupProcs: {tag: b, cgroup: busy}\n"
      "      - CaptureCgroupProcs: {tag: e, cgroup: empty}\n"
      "    hold: 100ms\n"
      "    checks: [{procs: b, min: 3, max: 3}, {procs: e, max: 0}]\n",
      {});
  run.Finish("PASS");
  std::set<std::uint32_t> workers;  // of busy, by the reports: its group is the first
  for (const Json& report : run.Reports())
    if (report.at("group") == 0) workers.insert(report.at("report").at("tid").get<std::uint32_t>());
  CHECK(workers.size() == 3);
  const Json lists = run.File("observations.json").at("cgroup_procs");
  REQUIRE(lists.size() == 2);
  CHECK(lists[0].at("tag") == "b");
  CHECK(lists[0].at("cgroup") == "busy");
  CHECK(lists[0].at("pids").get<std::set<std::uint32_t>>() == workers);
  CHECK(lists[1].at("tag") == "e");
  CHECK(lists[1].at("pids").empty());
}

TEST_CASE("observation: a snapshot that had to give way is warned of, and a check says so") {
  constexpr char kPayload[] =
      "payloads:\n"
      "  set:\n"
      "    binary: sh\n"
      "    args: [-c, 'i=0; while [ $i -lt 70 ]; do i=$((i+1)); echo $i > /proc/sys/kernel/panic; done']\n";
  GuestRun run(
      std::string("topology: 1n1l2c1t\n") + kPayload +
          "steps:\n"
          "  - name: write\n"
          "    ops:\n"
          "      - CaptureSnapshot: {tag: before}\n"
          "      - WatchSnapshot: {target: {symbol: panic_timeout, type: int}, tag: w, capture: full}\n"
          "      - RunPayload: {payload: set}\n"
          "      - WaitPayload: {payload: set, timeout: 60s}\n"
          "    checks: [{snapshot: before, at: tasks.length, min: 1}]\n",
      {});
  run.Finish("INCONCLUSIVE");
  CHECK_THAT(run.cause(),
             Catch::Matches("tasks\\.length in snapshot before: that snapshot was dropped to make "
                            "room for w#64: at most 64 of a run are kept"));
  const std::vector<Json> warnings = run.Events("warning");
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].at("phase") == 1);
  CHECK(warnings[0].at("text") ==
        "snapshot before was dropped to make room for w#64: at most 64 of a run are kept, and from here on "
        "each new one takes the place of the oldest");
  const Json observed = run.File("observations.json");
  CHECK(observed.at("taken").size() == 64);
  CHECK(observed.at("evicted").at(0) == Json{{"tag", "before"}, {"made_room_for", "w#64"}});
}

TEST_CASE("observation: a watch that fires more often than it may fails with the count") {
  ExpectBoth("{WatchSnapshot: {target: jiffies_64, capture: count}}", "{watch: jiffies_64, max: 0}", "FAIL",
             "the number of fires of watch jiffies_64 is (at least )?[0-9]+, above the maximum of 0");
}

TEST_CASE("observation: a watch that was paced comes back within one wait") {
  const auto kernel = CachedKernel("built");
  if (!kernel) return Skip("no kernel was built");
  GuestRun run(
      "topology: 1n1l2c1t\n"
      "defaults: off\n"
      "steps:\n"
      "  - name: hot\n"
      "    cgroups: [{name: c, cpuset: \"1\", work: [{type: YieldHeavy}]}]\n"
      "    ops: [{WatchSnapshot: {target: {symbol: runqueues, cpu: 1, field: clock}, tag: w, capture: "
      "count}}]\n"
      "    hold: 6s\n",
      {"--kernel", kernel->image.string()});
  run.Finish("PASS");
  const Json watch = run.File("observations.json").at("watches").at(0);
  CHECK(watch.at("lower_bound") == true);
  CHECK(watch.at("suspended") > 2);
}

TEST_CASE("observation: a series that breaks its pattern names the sample") {
  ExpectBoth(
      "", "{over_time: {each: {max: 1}}, at: run_queues.length}", "FAIL",
      R"(run_queues\.length in phase look \(each at most 1\): 2 at sample periodic_000 \(\+[0-9]+ms\))",
      "snapshots: {periodic: 1}\n");
  ExpectBoth(
      "", "{over_time: {nondecreasing: true}, at: run_queues.length}", "INCONCLUSIVE",
      R"(run_queues\.length: there are no periodic snapshots; ask for them with `snapshots: \{periodic: 5\}`)");
}

TEST_CASE("observation: a crowd on one of two CPUs breaks the monitor's threshold") {
  for (const char* kind : {"built", "fetched"}) {
    const auto kernel = CachedKernel(kind);
    if (!kernel) return Skip(std::string("no kernel was ") + kind);
    GuestRun run(
        "topology: 1n1l2c1t\n"
        "monitor: {interval: 20ms, imbalance: 1.5, sustained: 5}\n"
        "steps:\n"
        "  - name: crowd\n"
        "    cgroups: [{name: c, cpuset: \"1\", work: [{type: SpinWait, workers: 8}]}]\n"
        "    hold: 1s\n",
        {"--kernel", kernel->image.string()});
    run.Finish("FAIL");
    // The CPUs are those of the last sample, which may see the workers end.
    CHECK_THAT(run.first_line(),
               Catch::Matches(
                   R"(FAIL scenario\.yaml: imbalance [0-9.]+ \(limit 1\.5\): CPU [01] had [0-9]+ runnable, )"
                   R"(CPU [01] had [0-9]+; [0-9]+ samples in a row, [0-9]+ ms long, last at [0-9]+ ms)"));
  }
}

// ---- what must be seen

const std::string kTruth =
    std::string(
        "payloads:\n"
        "  plant:\n"
        "    binary: sh\n"
        "    include: [") +
    kBpfTruth +
    ", mkfifo, setsid]\n"
    "    args:\n"
    "      - -c\n"
    "      - |\n"
    "        mkfifo /tmp/said\n"
    "        setsid bpf_truth >/tmp/said &\n"
    "        while [ \"$line\" != ready ]; do read line; done </tmp/said\n"
    "    checks: [{exit_code: 0}]\n"
    // Once it is gone the kernel drops in the background what its maps and programs held.
    "  end:\n"
    "    binary: sh\n"
    "    include: [pkill, bpftool]\n"
    "    args:\n"
    "      - -c\n"
    "      - |\n"
    "        pkill bpf_truth\n"
    "        for map in t_single t_array truth.bss; do\n"
    "          while bpftool map lookup name $map key 0 0 0 0; do :; done\n"
    "        done\n";
constexpr char kPlanted[] =
    "{snapshot: now, map: t_single, field: y, equals: -1000},"
    "{snapshot: now, map: t_array, key: 3, field: b, between: [13, 13]},"
    "{snapshot: now, map: t_hash, key: \"major=3,minor=14\", field: \"list[1]\", equals: 3},"
    "{snapshot: now, map: t_hash, key: \"major=3,minor=14\", field: tag, equals: tag2},"
    "{snapshot: now, map: t_untyped, key: \"hex:03000000\", equals: \"hex:0300665544332211\"},"
    "{snapshot: now, map: t_pcpu_array, key: 2, cpu: 1, field: x, equals: 112},"
    "{snapshot: now, map: t_pcpu_hash, key: \"major=2,minor=7\", cpu: 0, field: y, equals: -1001},"
    "{snapshot: now, var: counter, equals: 41},"
    "{snapshot: now, var: limits, field: \"[2]\", equals: 7},"
    "{snapshot: now, var: mood, equals: BUSY},"
    "{snapshot: now, at: \"tasks[comm=truth-fifo].rt_priority\", equals: 7},"
    "{snapshot: now, at: \"tasks[comm=truth-nice].static_prio\", equals: 125},"
    "{snapshot: gone, map: t_hash, key: \"major=1,minor=0\", field: x, equals: 100},"
    "{snapshot: gone, at: maps.length, equals: 1}";

void ExpectPlanted(const std::string& kind) {
  const auto kernel = CachedKernel(kind);
  if (!kernel) return Skip("no kernel was " + kind);
  GuestRun run(std::string("topology: 1n1l2c1t\n") + kTruth +
                   "steps:\n"
                   "  - name: plant\n"
                   "    ops:\n"
                   "      - RunPayload: {payload: plant}\n"
                   "      - WaitPayload: {payload: plant, timeout: 60s}\n"
                   "      - PinBpfMap: {name: t_hash}\n"
                   "      - CaptureSnapshot: {tag: now}\n"
                   "      - RunPayload: {payload: end}\n"
                   "      - WaitPayload: {payload: end, timeout: 60s}\n"
                   "  - name: gone\n    ops: [CaptureSnapshot: {tag: gone}]\n"
                   "checks: [" +
                   kPlanted + "]\n",
               {"--kernel", kernel->image.string(), "--allow-host-files"});
  run.Finish("PASS");
}

TEST_CASE(
    "observation: what a payload planted is found by map, key, field, CPU and variable, and a held map "
    "stays") {
  ExpectPlanted("built");
  ExpectPlanted("fetched");
}

TEST_CASE("observation: a latency of a phase that full captures held up decides nothing") {
  // Which of the two excuses comes first is up to the host.
  ExpectCause("built", "{WatchSnapshot: {target: jiffies_64, tag: tick, capture: full}}",
              "{metric: max_gap_ms, max: 0.001}", "INCONCLUSIVE",
              "(snapshots and watches paused the guest for [0-9]+ % of phase look|the host was "
              "oversubscribed: QEMU "
              "waited [0-9]+ % of the time for a CPU); max_gap_ms of cgroup c in phase look is .*");
}

// What comes after the first stop is the same in most runs only, and with several CPUs the stop is not exact:
// see docs/OBSERVING.md.
TEST_CASE(
    "observation: the first look at a guest with one CPU on the virtual clock shows the same in ten runs") {
  std::set<std::string> seen;
  for (int i = 0; i < 10; ++i) {
    GuestRun run(
        "topology: 1n1l1c1t\nclock: virtual\nseed: 7\n"
        "steps:\n"
        "  - name: calm\n"
        "    cgroups: [{name: c, work: [{type: Bursty, workers: 2, comm: tick}, {type: SpinWait, comm: "
        "spin}]}]\n"
        "    hold: 1s\n"
        "  - name: look\n    ops: [CaptureSnapshot: {tag: now}]\n");
    run.Finish("PASS");
    seen.insert(run.Text("snapshots/now.json"));
  }
  CHECK(seen.size() == 1);
  CHECK(seen.begin()->size() > 10'000);
}

}  // namespace
}  // namespace ktstr::test
