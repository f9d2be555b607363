// Mistakes that are no wrong words but could never come true: each whole text is pinned.
#include <sys/stat.h>

#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/vmm/host/elf_builder.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

std::string Lint(const std::string& yaml) {
  const WorkDir dir;
  WriteText("a.yaml", yaml);
  return Cli({"lint", "a.yaml"}).out;
}

/// One step with two cgroups of SpinWait, and these checks on the whole run.
std::string LintChecks(const std::string& checks) {
  return Lint(
      "version: 1\nsteps:\n  - cgroups:\n      - {name: a, cpuset: 0, work: [{type: SpinWait}]}\n"
      "      - {name: b, work: [{type: Bursty}]}\n      - {name: idle}\n    hold: 1s\nchecks:\n" +
      checks);
}

}  // namespace

TEST_CASE("metrics that no worker of the scenario measures are refused") {
  CHECK(
      LintChecks(R"(  - {metric: p99_wake_latency_us, cgroup: a, max: 1ms}
  - {metric: p99_wake_latency_us, cgroup: b, max: 1ms}
  - {metric: page_locality, cgroup: a, min: 0.5}
  - {metric: page_locality, cgroup: b, min: 0.5}
  - {metric: max_gap_ms, cgroup: idle, max: 1s}
  - {metric: worst_p99_wake_latency_us, max: 1ms}
  - {metric: median_timer_latency_us, max: 1}
  - {metric: worst_p999_timer_latency_us, max: 1}
  - {metric: p99_iteration_cost_us, max: 1}
)") ==
      R"(a.yaml:9:14: error[bad-check]: p99_wake_latency_us never has data here: no worker of cgroup 'a' measures the latency of wake-ups
     9 |   - {metric: p99_wake_latency_us, cgroup: a, max: 1ms}
       |              ^~~~~~~~~~~~~~~~~~~ these do: CacheYield, NumaWorkingSetSweep, PipeIo, FutexPingPong, CachePipe and 22 more
a.yaml:12:14: error[bad-check]: page_locality never has data here: no worker of cgroup 'b' has a cpuset all its life
    12 |   - {metric: page_locality, cgroup: b, min: 0.5}
       |              ^~~~~~~~~~~~~
a.yaml:13:34: error[bad-check]: max_gap_ms is measured by workers, and cgroup 'idle' has none
    13 |   - {metric: max_gap_ms, cgroup: idle, max: 1s}
       |                                  ^~~~
a.yaml:15:14: error[bad-check]: median_timer_latency_us never has data here: no worker of this scenario measures the latency of timers
    15 |   - {metric: median_timer_latency_us, max: 1}
       |              ^~~~~~~~~~~~~~~~~~~~~~~ these do: TimerLatency, Sequence
a.yaml:16:14: error[bad-check]: worst_p999_timer_latency_us never has data here: no worker of this scenario measures the latency of timers
    16 |   - {metric: worst_p999_timer_latency_us, max: 1}
       |              ^~~~~~~~~~~~~~~~~~~~~~~~~~~ these do: TimerLatency, Sequence
a.yaml:17:14: error[bad-check]: p99_iteration_cost_us never has data here: no worker of this scenario measures the time of an iteration
    17 |   - {metric: p99_iteration_cost_us, max: 1}
       |              ^~~~~~~~~~~~~~~~~~~~~ these do: AluHot, SmtSiblingSpin, IpcVariance, PriorityInversion, ForkExit and 4 more
)");
}

TEST_CASE("bounds that no value can break or fulfil are refused") {
  CHECK(LintChecks(R"(  - {metric: page_locality, cgroup: a, min: 5}
  - {metric: avg_off_cpu_pct, min: 110}
  - {metric: avg_off_cpu_pct, max: 110%}
  - {metric: avg_off_cpu_pct, between: [0, 100]}
  - {metric: avg_off_cpu_pct, between: [0, 90]}
  - {metric: max_gap_ms, max: -1}
  - {metric: iterations, min: 0}
  - {metric: cgroup_balance_ratio, max: 0.5}
  - {metric: max_gap_ms, max: 0}
)") ==
        R"(a.yaml:9:45: error[bad-check]: no run can fulfil this: page_locality is from 0 to 1
     9 |   - {metric: page_locality, cgroup: a, min: 5}
       |                                             ^
a.yaml:10:36: error[bad-check]: no run can fulfil this: avg_off_cpu_pct is from 0% to 100%
    10 |   - {metric: avg_off_cpu_pct, min: 110}
       |                                    ^~~
a.yaml:11:36: error[bad-check]: no run can break this: avg_off_cpu_pct is from 0% to 100%
    11 |   - {metric: avg_off_cpu_pct, max: 110%}
       |                                    ^~~~
a.yaml:12:40: error[bad-check]: no run can break this: avg_off_cpu_pct is from 0% to 100%
    12 |   - {metric: avg_off_cpu_pct, between: [0, 100]}
       |                                        ^~~~~~~~
a.yaml:14:31: error[bad-check]: no run can fulfil this: max_gap_ms is at least 0 ms
    14 |   - {metric: max_gap_ms, max: -1}
       |                               ^~
a.yaml:15:31: error[bad-check]: no run can break this: iterations is at least 0
    15 |   - {metric: iterations, min: 0}
       |                               ^
a.yaml:16:41: error[bad-check]: no run can fulfil this: cgroup_balance_ratio is at least 1x
    16 |   - {metric: cgroup_balance_ratio, max: 0.5}
       |                                         ^~~
)");
}

TEST_CASE("metrics that compare cgroups, and metrics of workers, need such") {
  CHECK(
      Lint(R"(version: 1
steps:
  - cgroups: [{name: a, work: [{type: SpinWait}]}]
    hold: 1s
    checks: [{metric: max_gap_ms, max: 1s}]
checks: [{metric: cgroup_balance_ratio, max: 2}]
)") ==
      R"(a.yaml:6:19: error[bad-check]: cgroup_balance_ratio never has data here: it compares cgroups, and workers are in one only
     6 | checks: [{metric: cgroup_balance_ratio, max: 2}]
       |                   ^~~~~~~~~~~~~~~~~~~~
)");
}

TEST_CASE("without workers there are no figures of workers") {
  CHECK(Lint(R"(version: 1
steps: [{hold: 1s}]
checks: [{metric: max_gap_ms, max: 1s}, {metric: worst_gap_ms, max: 1s}]
)") ==
        R"(a.yaml:3:19: error[bad-check]: max_gap_ms is measured by workers, and this scenario has none
     3 | checks: [{metric: max_gap_ms, max: 1s}, {metric: worst_gap_ms, max: 1s}]
       |                   ^~~~~~~~~~
a.yaml:3:50: error[bad-check]: worst_gap_ms is measured by workers, and this scenario has none
     3 | checks: [{metric: max_gap_ms, max: 1s}, {metric: worst_gap_ms, max: 1s}]
       |                                                  ^~~~~~~~~~~~
)");
}

TEST_CASE("a kernel requirement that no kernel meets is refused") {
  CHECK(Lint(R"(version: 1
kernel: ">=6.13 <6.12"
steps: [{hold: 1s}]
)") ==
        R"(a.yaml:2:9: error[rule]: no kernel is >=6.13 <6.12, so the scenario would never run
     2 | kernel: ">=6.13 <6.12"
       |         ^~~~~~~~~~~~~~
)");
}

TEST_CASE("minor versions go up in steps of one") {
  CHECK(Lint(R"(version: 1
kernel: ">6.12 <6.13"
steps: [{hold: 1s}]
)") ==
        R"(a.yaml:2:9: error[rule]: no kernel is >6.12 <6.13, so the scenario would never run
     2 | kernel: ">6.12 <6.13"
       |         ^~~~~~~~~~~~~
)");
}

TEST_CASE("kernel requirements that some kernel meets are taken") {
  for (const char* const text :
       {"\">=6.12 <6.13\"", "\">6.12 <7.0\"", "\">=6.12 <=6.12\"", "\"=6.12\"", "\"<7.0 >6.99\""})
    CHECK(Lint(std::string("version: 1\nkernel: ") + text + "\nsteps: [{hold: 1s}]\n") == "");
}

TEST_CASE("a nested cpuset lies in those above it") {
  CHECK(
      Lint(R"(version: 1
topology: 1n2l2c1t
steps:
  - cgroups:
      - {name: a, cpuset: 0-1}
      - {name: a/b}
      - {name: a/b/c, cpuset: 1-2}
      - {name: a/b/d, cpuset: 1}
    ops:
      - SetCpuset: {cgroup: a/b, cpus: {llc: 1}}
      - ClearCpuset: {cgroup: a}
      - SetCpuset: {cgroup: a/b/c, cpus: {llc: 1}}
)") ==
      R"(a.yaml:7:31: error[bad-cpuset]: CPU 2 is not in the cpuset of 'a' (0-1), so no task of 'a/b/c' can run there
     7 |       - {name: a/b/c, cpuset: 1-2}
       |                               ^~~
a.yaml:10:40: error[bad-cpuset]: CPUs 2-3 are not in the cpuset of 'a' (0-1), so no task of 'a/b' can run there
    10 |       - SetCpuset: {cgroup: a/b, cpus: {llc: 1}}
       |                                        ^~~~~~~~
)");
}

TEST_CASE("a cgroup takes no more tasks than its pids.max, or one above it, allows") {
  CHECK(
      Lint(R"(version: 1
payloads: {load: {binary: sh}}
steps:
  - cgroups:
      - {name: one, pids: {max: 1}, work: [{type: SpinWait, workers: 3}]}
      - {name: four, pids: {max: 4}, work: [{type: SpinWait, workers: 2}]}
      - {name: four/in, work: [{type: PipeIo}]}
    ops:
      - RunPayload: {payload: load, cgroup: four/in}
      - StopCgroup: {cgroup: four}
      - Spawn: {cgroup: four, work: {type: SpinWait, workers: 2}}
)") ==
      R"(a.yaml:5:70: error[too-many]: with these 3 tasks there would be 3 in cgroup 'one', whose pids.max is 1
     5 |       - {name: one, pids: {max: 1}, work: [{type: SpinWait, workers: 3}]}
       |                                                                      ^ raise `pids: {max: N}`
a.yaml:9:31: error[too-many]: with this task there would be 5 in cgroup 'four', whose pids.max is 4
     9 |       - RunPayload: {payload: load, cgroup: four/in}
       |                               ^~~~ raise `pids: {max: N}`
a.yaml:11:63: error[too-many]: with these 2 tasks there would be 5 in cgroup 'four', whose pids.max is 4
    11 |       - Spawn: {cgroup: four, work: {type: SpinWait, workers: 2}}
       |                                                               ^ raise `pids: {max: N}`
)");
}

TEST_CASE("work groups of one cgroup have names of their own") {
  CHECK(Lint(R"(version: 1
steps:
  - cgroups:
      - {name: a, work: [{name: x, type: SpinWait}, {name: y, type: SpinWait}, {name: x, type: SpinWait}]}
      - {name: b, work: [{name: x, type: SpinWait}]}
    ops:
      - Spawn: {cgroup: a, work: {name: y, type: SpinWait}}
      - Spawn: {work: {name: y, type: SpinWait}}
)") ==
        R"(a.yaml:4:87: error[duplicate-name]: two work groups of cgroup 'a' would be named 'x'
     4 |       - {name: a, work: [{name: x, type: SpinWait}, {name: y, type: SpinWait}, {name: x, type: SpinWait}]}
       |                                                                                       ^
a.yaml:4:9: note: the first one, in step 'step1'
     4 |       - {name: a, work: [{name: x, type: SpinWait}, {name: y, type: SpinWait}, {name: x, type: SpinWait}]}
       |         ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
a.yaml:7:41: error[duplicate-name]: two work groups of cgroup 'a' would be named 'y'
     7 |       - Spawn: {cgroup: a, work: {name: y, type: SpinWait}}
       |                                         ^
a.yaml:4:9: note: the first one, in step 'step1'
     4 |       - {name: a, work: [{name: x, type: SpinWait}, {name: y, type: SpinWait}, {name: x, type: SpinWait}]}
       |         ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
)");
}

TEST_CASE("programs named by a path are looked for beside the scenario") {
  const std::string yaml =
      "version: 1\npayloads:\n  a: {binary: ./a.sh}\n  b: {binary: bin/b.sh, include: [bin/c.sh, "
      "no-such-name]}\n"
      "  d: {binary: no-such-name}\nsteps: [{hold: 1s}]\n";
  const WorkDir dir;
  WriteText("s/x.yaml", yaml);
  WriteText("s/bin/b.sh", "#!/bin/sh\n");
  WriteText("s/bin/c.sh", "#!/bin/sh\n");
  CHECK(::chmod("s/bin/c.sh", 0755) == 0);
  const CliResult result = Cli({"lint", "s"});
  CHECK(result.code == 1);
  CHECK(result.out ==
        "s/x.yaml:3:15: error[missing-program]: program './a.sh' does not exist (looked for s/a.sh)\n"
        "     3 |   a: {binary: ./a.sh}\n"
        "       |               ^~~~~~\n"
        "s/x.yaml:4:15: error[missing-program]: program 'bin/b.sh' is not executable (chmod +x "
        "s/bin/b.sh)\n"
        "     4 |   b: {binary: bin/b.sh, include: [bin/c.sh, no-such-name]}\n"
        "       |               ^~~~~~~~\n");
}

TEST_CASE("lint says of a program beside the scenario what a run would refuse") {
  const WorkDir dir;
  const auto program = [](const std::string& name, const std::string& bytes) {
    WriteText("s/" + name, bytes);
    CHECK(::chmod(("s/" + name).c_str(), 0755) == 0);
  };
  program("library", vmm::BuildElf({.needed = {"libno-such.so.7"}}));
  program("loader", vmm::BuildElf({.interpreter = "/no/such/ld.so"}));
  program("arm", vmm::BuildElf({.machine = EM_AARCH64}));
  program("object", vmm::BuildElf({.type = ET_REL}));
  program("text", "hello\n");
  program("script", "#!/no/such/shell\n");
  program("good", vmm::BuildElf({}));
  WriteText(
      "s/x.yaml",
      "version: 1\npayloads:\n  a: {binary: ./library}\n  b: {binary: ./loader}\n  c: {binary: ./arm}\n"
      "  d: {binary: ./object}\n  e: {binary: ./text}\n  f: {binary: ./script}\n"
      "  g: {binary: ./good, include: [./good, ./arm]}\n"
      "steps: [{ops: [{RunPayload: {payload: a}}, {RunPayload: {payload: b}}, {RunPayload: {payload: c}},\n"
      "  {RunPayload: {payload: d}}, {RunPayload: {payload: e}}, {RunPayload: {payload: f}},\n"
      "  {RunPayload: {payload: g}}], hold: 1s}]\n");
  const CliResult lint = Cli({"lint", "s"});
  CHECK(lint.code == 1);
  std::string mistakes;
  std::istringstream lines(lint.out);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("s/x.yaml")) mistakes += line.substr(0, line.find(" is in none of")) + "\n";
  CHECK(mistakes ==
        "s/x.yaml:3:15: error[bad-program]: './library' needs libno-such.so.7, which\n"
        "s/x.yaml:4:15: error[bad-program]: './loader' needs the loader /no/such/ld.so, which is not in the "
        "system's library directories\n"
        "s/x.yaml:5:15: error[bad-program]: './arm' is built for AArch64; the guest is x86-64\n"
        "s/x.yaml:6:15: error[bad-program]: './object' is an ELF object file or core dump, not a program\n"
        "s/x.yaml:7:15: error[bad-program]: './text' is neither an ELF program nor a script that starts with "
        "#!\n"
        "s/x.yaml:8:15: error[bad-program]: './script' is a script for /no/such/shell, which is in no "
        "directory of PATH\n"
        "s/x.yaml:9:41: error[bad-program]: './arm' is built for AArch64; the guest is x86-64\n");
  CHECK(Cli({"run", "--dry-run", "s"}).err == lint.out);  // the same, word for word
}

TEST_CASE("--dry-run looks for all programs that the run would start") {
  const WorkDir dir;
  WriteText("x.yaml",
            "version: 1\npayloads:\n  a: {binary: no-such-name}\n  b: {binary: sh, include: [nor-this-one]}\n"
            "  unused: {binary: no-such-name-either}\n"
            "steps: [{ops: [{RunPayload: {payload: a}}, {RunPayload: {payload: b}}], hold: 1s}]\n"
            "matrix: {clock: [wall, virtual]}\n");
  CHECK(Cli({"lint", "x.yaml"}).code == 0);
  const CliResult result = Cli({"run", "--dry-run", "x.yaml"});
  CHECK(result.code == 2);
  CHECK(result.out.find("RunPayload b") != std::string::npos);
  CHECK(result.err ==
        "x.yaml:3:15: error[missing-program]: program 'no-such-name' was not found beside the scenario "
        "or on PATH\n"
        "     3 |   a: {binary: no-such-name}\n"
        "       |               ^~~~~~~~~~~~\n"
        "x.yaml:4:29: error[missing-program]: program 'nor-this-one' was not found beside the scenario "
        "or on PATH\n"
        "     4 |   b: {binary: sh, include: [nor-this-one]}\n"
        "       |                             ^~~~~~~~~~~~\n");
}

TEST_CASE("a payload outside the scenario's directory is an error at its line unless the user allows it") {
  const WorkDir dir;
  WriteText("tool", "#!/bin/sh\n");
  CHECK(::chmod("tool", 0755) == 0);
  WriteText("s/x.yaml",
            "version: 1\npayloads:\n  a: {binary: ../tool}\n  b: {binary: sh, include: [/no/such]}\n"
            "steps: [{ops: [{RunPayload: {payload: a}}, {RunPayload: {payload: b}}], hold: 1s}]\n");
  constexpr const char* kRefused =
      "s/x.yaml:3:15: error[host-file]: program '../tool' is outside the scenario's directory; name a "
      "program on PATH, or allow such files by --allow-host-files\n"
      "     3 |   a: {binary: ../tool}\n"
      "       |               ^~~~~~~\n"
      "s/x.yaml:4:29: error[host-file]: program '/no/such' is outside the scenario's directory; name "
      "a "
      "program on PATH, or allow such files by --allow-host-files\n"
      "     4 |   b: {binary: sh, include: [/no/such]}\n"
      "       |                             ^~~~~~~~\n";
  CHECK(Cli({"lint", "s"}).out == kRefused);
  CHECK(Cli({"run", "--dry-run", "s"}).err == kRefused);
  CHECK(Cli({"lint", "s", "--allow-host-files"}).code == 0);
  CHECK(Cli({"run", "--dry-run", "s", "--allow-host-files"}).err ==
        "s/x.yaml:4:29: error[missing-program]: program '/no/such' does not exist (looked for "
        "/no/such)\n"
        "     4 |   b: {binary: sh, include: [/no/such]}\n"
        "       |                             ^~~~~~~~\n");
}

TEST_CASE("numbers of the command line are whole and within their range") {
  const WorkDir dir;
  WriteText("tiny.yaml", "version: 1\nsteps: [{hold: 1s}]\n");
  const auto refused = [](const std::vector<std::string>& words) {
    std::vector<std::string> args{"run", "--dry-run", "tiny.yaml"};
    args.insert(args.end(), words.begin(), words.end());
    const CliResult result = Cli(args);
    CHECK(result.code == 64);
    CHECK(result.out.empty());
    return result.err.substr(0, result.err.find('\n'));
  };
  CHECK(refused({"--seed", "-1"}) ==
        "ktstr-interp: --seed: '-1' is not a whole number from 0 to 18446744073709551615");
  CHECK(refused({"--seed=18446744073709551616"}) ==
        "ktstr-interp: --seed: '18446744073709551616' is not a whole number from 0 to 18446744073709551615");
  CHECK(refused({"--seed", "7x"}) ==
        "ktstr-interp: --seed: '7x' is not a whole number from 0 to 18446744073709551615");
  CHECK(refused({"--repeat", "-1"}) ==
        "ktstr-interp: --repeat: '-1' is not a whole number from 1 to 1000000");
  CHECK(refused({"--repeat", "0"}) == "ktstr-interp: --repeat: '0' is not a whole number from 1 to 1000000");
  CHECK(refused({"-j", "-2"}) == "ktstr-interp: --jobs: '-2' is not a whole number from 1 to 4096");
  CHECK(refused({"--jobs", "4294967297"}) ==
        "ktstr-interp: --jobs: '4294967297' is not a whole number from 1 to 4096");
  CHECK(Cli({"run", "--dry-run", "--seed", "18446744073709551615", "tiny.yaml"}).code == 0);
}

TEST_CASE("failures that nothing can cause are not expected") {
  CHECK(Lint(R"(version: 1
steps:
  - name: one
    cgroups: [{name: a, work: [{type: SpinWait}]}]
    hold: 1s
defaults: {progress: off}
checks:
  - {metric: max_gap_ms, max: 1s}
expect:
  - {kind: metric, phase: one, cgroup: a, matches: "above"}
  - {kind: no_stal}
  - {kind: progress}
  - {kind: monitor}
  - {kind: no_stall, phase: two, cgroup: b, matches: "("}
  - {kind: kernel_complaints, matches: ""}
)") == R"(a.yaml:11:12: error[unknown-name]: there is no kind of check 'no_stal'
    11 |   - {kind: no_stal}
       |            ^~~~~~~ did you mean 'no_stall'?
a.yaml:12:12: error[bad-check]: no check of this scenario is of the kind 'progress', so that none can fail
    12 |   - {kind: progress}
       |            ^~~~~~~~
a.yaml:13:12: error[bad-check]: no check of this scenario is of the kind 'monitor', so that none can fail
    13 |   - {kind: monitor}
       |            ^~~~~~~
a.yaml:14:29: error[unknown-name]: there is no phase 'two' in this scenario
    14 |   - {kind: no_stall, phase: two, cgroup: b, matches: "("}
       |                             ^~~
a.yaml:14:42: error[unknown-name]: there is no cgroup 'b' in this scenario
    14 |   - {kind: no_stall, phase: two, cgroup: b, matches: "("}
       |                                          ^
a.yaml:14:54: error[bad-check]: it is not a regular expression
    14 |   - {kind: no_stall, phase: two, cgroup: b, matches: "("}
       |                                                      ^~~
a.yaml:15:40: error[bad-check]: it would be found in every message; leave it out
    15 |   - {kind: kernel_complaints, matches: ""}
       |                                        ^~
)");
}

TEST_CASE("waits for files that say nothing, or for what can never be, are refused") {
  CHECK(Lint(R"(version: 1
steps:
  - ops:
      - WaitGuestFile: {path: /sys/a}
      - WaitGuestFile: {path: /sys/a, key: a, matches: x}
      - WaitGuestFile: {path: /sys/a, min: 5, max: 4}
      - WaitGuestFile: {path: /sys/a, matches: "("}
      - WaitGuestFile: {path: /sys/a, matches: ""}
      - WaitGuestFile: {path: /tmp/a, matches: "x"}
)") == R"(a.yaml:4:24: error[rule]: say what is waited for: matches, min or max
     4 |       - WaitGuestFile: {path: /sys/a}
       |                        ^~~~~~~~~~~~~~
a.yaml:5:44: error[rule]: a key needs a bound: what is the number behind it to be?
     5 |       - WaitGuestFile: {path: /sys/a, key: a, matches: x}
       |                                            ^
a.yaml:6:52: error[rule]: no number is at least min and at most max
     6 |       - WaitGuestFile: {path: /sys/a, min: 5, max: 4}
       |                                                    ^
a.yaml:7:48: error[rule]: it is not a regular expression
     7 |       - WaitGuestFile: {path: /sys/a, matches: "("}
       |                                                ^~~
a.yaml:8:48: error[rule]: an empty pattern is in every line
     8 |       - WaitGuestFile: {path: /sys/a, matches: ""}
       |                                                ^~
a.yaml:9:31: error[bad-value]: '/tmp/a' is not allowed here: an absolute path below /sys, /proc or /dev
     9 |       - WaitGuestFile: {path: /tmp/a, matches: "x"}
       |                               ^~~~~~
)");
}
