// Plans and diagnostics of what the host does itself: snapshots, kernel memory, watches, and the checks about
// them.
#include <catch2/catch.hpp>

#include "ops/op.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

/// The labels of the plan; those the host runs itself with a star.
std::string Labels(const std::string& yaml) {
  LoadedPlan loaded(yaml);
  REQUIRE(loaded.Messages() == "");
  std::string all;
  for (const PlannedRequest& planned : loaded.plans.front()->requests)
    all += (planned.host() != nullptr ? "* " : "") + planned.label + "\n";
  return all;
}

std::string DiagnosticsOf(const std::string& yaml) { return LoadedPlan(yaml).Messages(); }

}  // namespace

TEST_CASE("Ops of the host stand in the plan where they are written") {
  CHECK(Labels(R"(
version: 1
steps:
  - name: one
    ops:
      - CaptureSnapshot: {tag: before}
      - ReadKernelHot: {tag: j, target: jiffies_64, width: u64}
      - ReadKernelCold: {tag: n, target: {symbol: runqueues, field: nr_running, cpu: 1}}
      - WriteKernelHot: {writes: [{target: {virtual: 0xffffffff82000000}, value: {u32: 5}}]}
      - WatchSnapshot: {target: {symbol: jiffies_64}, when: "> 5", every: 10, capture: count}
    hold: 1s
)") == "begin of BASELINE\n"
       "end of BASELINE\n"
       "first Ops of step one\n"
       "* CaptureSnapshot before\n"
       "* ReadKernelHot j <- jiffies_64\n"
       "* ReadKernelCold n <- runqueues.nr_running of CPU 1\n"
       "* WriteKernelHot 0xffffffff82000000\n"
       "* WatchSnapshot jiffies_64\n"
       "begin of step one\n"
       "hold 1s\n"
       "end of step one\n"
       "finish\n");
}

TEST_CASE("neighbouring cold writes share one pause; anything between them, and hot ones, do not") {
  CHECK(Labels(R"(
version: 1
steps:
  - name: one
    ops:
      - WriteKernelCold: {writes: [{target: a, value: {u32: 1}}]}
      - WriteKernelCold: {writes: [{target: b, value: {u64: 2}}, {target: c, value: {or_mask: 4}}]}
      - ReadKernelHot: {tag: x, target: d, width: u32}
      - WriteKernelCold: {writes: [{target: e, value: {bytes: "00ff"}}]}
      - WriteKernelHot: {writes: [{target: f, value: {u32: 1}}]}
      - WriteKernelHot: {writes: [{target: g, value: {u32: 1}}]}
)") == "begin of BASELINE\n"
       "end of BASELINE\n"
       "first Ops of step one\n"
       "* WriteKernelCold a b c\n"
       "* ReadKernelHot x <- d\n"
       "* WriteKernelCold e\n"
       "* WriteKernelHot f\n"
       "* WriteKernelHot g\n"
       "begin of step one\n"
       "end of step one\n"
       "finish\n");
}

TEST_CASE("periodic snapshots cut the hold they fall into, and do not lengthen it") {
  CHECK(Labels(R"(
version: 1
snapshots: {periodic: 1}
steps: [{name: one, hold: 1s}]
)") == "begin of BASELINE\n"
       "end of BASELINE\n"
       "begin of step one\n"
       "begin of hold 1s\n"
       "hold 1s, to 500ms\n"
       "* snapshot periodic_000\n"
       "hold 1s, to 1s\n"
       "end of step one\n"
       "finish\n");
}

TEST_CASE("what cannot be seen or changed is found at its line") {
  CHECK(DiagnosticsOf(R"(
version: 1
snapshots: {periodic: 30}
steps:
  - name: one
    ops:
      - CaptureSnapshot: {tag: a}
      - CaptureSnapshot: {tag: a}
      - CaptureSnapshot: {tag: periodic_001}
      - ReadKernelHot: {tag: j, target: jiffies_64}
      - WriteKernelHot: {writes: [{target: x, value: {or_mask: 1}}]}
      - WriteKernelCold: {writes: [{target: x, value: {set: 1}}, {target: {task: t, field: scx.slice}, value: {bytes: "00"}}]}
      - WatchSnapshot: {target: {virtual: 0xffffffff82000000}}
      - WatchSnapshot: {target: x, bytes: 3}
  - name: two
    ops: [{CaptureSnapshot: {tag: b}}]
    hold: {every: 100ms, for: 1s}
)") == "steps/0/ops/1/CaptureSnapshot/tag: two of them would be snapshot 'a' (give each its own tag)\n"
       "steps/0/ops/2/CaptureSnapshot/tag: tags that begin with periodic_ are those of periodic snapshots\n"
       "steps/0/ops/3/ReadKernelHot/target: the kernel does not say how wide this is (give `width: u32` or "
       "u64)\n"
       "steps/0/ops/4/WriteKernelHot/writes/0/value/or_mask: or_mask needs the guest paused (use "
       "WriteKernelCold)\n"
       "steps/0/ops/5/WriteKernelCold/writes/0/value/set: the kernel does not say how wide this place is "
       "(write u32 "
       "or u64)\n"
       "steps/0/ops/5/WriteKernelCold/writes/1/value/bytes: a task's field takes a number (write set, u32 or "
       "u64)\n"
       "steps/0/ops/6/WatchSnapshot: a watch without a symbol needs a tag\n"
       "steps/0/ops/7/WatchSnapshot/bytes: a watch covers 1, 2, 4 or 8 bytes\n"
       "steps/1/ops/0/CaptureSnapshot: a snapshot cannot be taken in a repeated step: each would replace the "
       "last "
       "(use `snapshots: {periodic: N}` for a series)\n"
       "snapshots/periodic: 30 periodic snapshots in holds of 0s together would be 0s apart; 100ms is the "
       "least, for "
       "which the holds must take 3.875s\n");
}

TEST_CASE("periodic snapshots that would come too close together say how much time they need") {
  CHECK(DiagnosticsOf("version: 1\nsnapshots: {periodic: 9}\nsteps: [{hold: 1s}]\n") ==
        "snapshots/periodic: 9 periodic snapshots in holds of 1s together would be 80ms apart; 100ms is the "
        "least, for which the "
        "holds must take 1.25s\n");
}

TEST_CASE("more snapshots than a run keeps are found, with those that full watches ask for") {
  const auto diagnostics = [](const std::string& watches, int periodic = 0) {
    return DiagnosticsOf("version: 1\n" +
                         (periodic > 0 ? "snapshots: {periodic: " + std::to_string(periodic) + "}\n" : "") +
                         "steps: [{ops: [{CaptureSnapshot: {tag: before}}, " + watches + "], hold: 20s}]\n");
  };
  const std::string full = "{WatchSnapshot: {target: w, capture: full, max: 60}}";
  CHECK(diagnostics(full) == "");
  CHECK(diagnostics(full, 3) == "");
  CHECK(diagnostics(full, 4) ==
        "snapshots/periodic: with those of CaptureSnapshot and WatchSnapshot there would be 65 snapshots; at "
        "most 64 of a run are kept\n");
  CHECK(diagnostics(full +
                    ", {WatchSnapshot: {target: v, capture: full, max: 4}}, {CaptureSnapshot: {tag: c}}") ==
        "steps/0/ops/2/WatchSnapshot/max: with these 4 there would be 65 snapshots; at most 64 of a run are "
        "kept\n");
  CHECK(diagnostics(full +
                    ", {CaptureSnapshot: {tag: a}}, {CaptureSnapshot: {tag: b}}, {CaptureSnapshot: {tag: "
                    "c}}, {CaptureSnapshot: {tag: d}}") ==
        "steps/0/ops/5/CaptureSnapshot/tag: with this one there would be 65 snapshots; at most 64 of a run "
        "are "
        "kept\n");
  // Fires that are kept without a snapshot count for nothing; how often the last one fires is not known.
  CHECK(diagnostics("{WatchSnapshot: {target: w, max: 1000}}, {WatchSnapshot: {target: v, capture: full}}") ==
        "");
}

TEST_CASE("a target is one thing, with what belongs to it") {
  const auto diagnostic = [](const std::string& target) {
    return DiagnosticsOf("version: 1\nsteps: [{ops: [{ReadKernelHot: {tag: t, width: u32, target: " + target +
                         "}}]}]\n");
  };
  const std::string at = "steps/0/ops/0/ReadKernelHot/target";
  CHECK(diagnostic("{symbol: a, direct: 5}") ==
        at + ": give exactly one of symbol, direct, virtual, task, pid and var\n");
  CHECK(diagnostic("{var: a, field: b.c, map: x.bss}") == "");
  CHECK(diagnostic("{symbol: a, map: x.bss}") == at + "/map: a map goes with a variable, `var`\n");
  // Its type is known, so that neither a width nor one for a value is needed.
  CHECK(DiagnosticsOf("version: 1\nsteps: [{ops: [{ReadKernelHot: {tag: t, target: {var: a}}}, "
                      "{WriteKernelHot: {writes: [{target: {var: a}, value: {set: 1}}]}}]}]\n") == "");
  CHECK(diagnostic("{task: spin}") == at + ": which field of the task? Give `field`, e.g. scx.slice\n");
  CHECK(diagnostic("{symbol: a, field: b}") ==
        at + "/field: the kernel does not know what type the symbol has: "
             "give `type`, or `cpu` for a per-CPU one\n");
  CHECK(
      diagnostic("{pid: 4, field: prio}") ==
      at +
          "/pid: a pid alone may be another task by now: give start_time_ns, or the task's name as `task`\n");
  CHECK(diagnostic("{virtual: 0xffffffff82000000, field: b}") ==
        at + "/field: an address has no type; read it by width\n");
}

TEST_CASE("a check says what it is about, and names what exists") {
  const auto diagnostic = [](const std::string& check) {
    return DiagnosticsOf(
        "version: 1\nsnapshots: {periodic: 2}\n"
        "steps: [{ops: [{CaptureSnapshot: {tag: before}}, {ReadKernelHot: {tag: j, target: jiffies_64, "
        "width: u64}}, {WatchSnapshot: {target: w, capture: full}}, {CaptureCgroupProcs: {tag: p, cgroup: "
        "c}}], "
        "cgroups: [{name: c}], hold: 1s}]\nchecks: [" +
        check + "]\n");
  };
  CHECK(diagnostic("{snapshot: before, map: counts, key: 3, field: total, min: 1}") == "");
  CHECK(diagnostic("{snapshot: periodic_001, var: nr, equals: 7}") == "");
  CHECK(diagnostic("{snapshot: \"w#2\", at: tasks.length, min: 1}") == "");
  CHECK(diagnostic("{snapshot: \"v#2\", at: tasks.length, min: 1}") ==
        "checks/0/snapshot: there is no snapshot 'v#2' in this scenario\n");
  CHECK(diagnostic("{read: j, min: 1}") == "");
  CHECK(diagnostic("{procs: p, min: 1}") == "");
  CHECK(diagnostic("{procs: q, min: 1}") ==
        "checks/0/procs: there is no process list 'q' in this scenario\n");
  CHECK(diagnostic("{over_time: {nondecreasing: true}, var: nr}") == "");
  CHECK(diagnostic("{min: 1}") ==
        "checks/0: say what is checked: one of metric, share, snapshot, read, watch, procs, file, console, "
        "scheduler "
        "and over_time\n");
  CHECK(diagnostic("{read: j, snapshot: before, min: 1}") ==
        "checks/0/read: say what is checked: one of metric, share, snapshot, read, watch, procs, file, "
        "console, scheduler "
        "and over_time\n");
  CHECK(diagnostic("{snapshot: bevore, var: x, min: 1}") ==
        "checks/0/snapshot: there is no snapshot 'bevore' in this scenario (did you mean 'before'?)\n");
  CHECK(diagnostic("{snapshot: before, min: 1}") ==
        "checks/0: say what in the snapshot: one of map, var and at\n");
  CHECK(diagnostic("{snapshot: before, var: x}") ==
        "checks/0: the check has no bound; give min, max, between or equals\n");
  CHECK(diagnostic("{read: j, var: x, min: 1}") ==
        "checks/0/var: 'var' goes with snapshot or over_time, not with read\n");
  CHECK(diagnostic("{snapshot: before, var: x, key: 3, min: 1}") == "checks/0/key: a key needs `map`\n");
  CHECK(diagnostic("{read: j, min: 1, cgroup: hot}") ==
        "checks/0/cgroup: 'cgroup' goes with metric or share, not with read\n");
}
