// What lint says, whole: every mistake of a file in one pass, and each of them once.
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

std::string Lint(const std::string& yaml) {
  const WorkDir dir;
  WriteText("a.yaml", yaml);
  return Cli({"lint", "a.yaml"}).out;
}

}  // namespace

TEST_CASE("lint shows all mistakes of a file in one pass, of whatever kinds") {
  CHECK(Lint(R"(version: 1
timeout: 0s
topology: 1n2l2c1t
payloads:
  load: {binary: stress-ng, args: [2]}
  probe: {binary: sh, output: {parse: kvv}}
  gone: {binary: ./not-there}
backdrop:
  cgroups:
    - {name: base, cpuset: {llc: 7}, work: [{type: SpinWiat, nice: 50}]}
  payloads: [laod]
steps:
  - name: warm
    cgroups:
      - {name: hot, cpuset: 0-1, pids: {max: 1}, work: [{type: SpinWait, workers: 3}]}
      - {name: hot/in, cpuset: 1-2}
      - {name: .bad, cpuset: {llc: 9}}
    ops:
      - ReadKernelHot: {tag: j, target: jiffies_64, width: u7}
      - SetCpuset: {cgroup: hto, cpus: {llc: 4}}
      - RunPayload: {payload: laod, cgroup: hto}
      - Spawn: {cgroup: hto, work: {type: Bursty, burst_duration: 0s, workers: 0}}
      - WaitPayload: {name: load}
      - SetCpusett: {cgroup: hot, cpus: 1}
      - RemoveCgroup: {cgroup: hot}
      - WatchSnapshot: {target: {direct: 16}, bytes: 3}
    hodl: 1s
    checks:
      - {metric: max_gap, max: 2s}
      - {metric: page_locality, cgroup: hto, min: 5}
      - {metric: max_gap_ms, cgroup: hot, max: 2%}
  - name: warm
    hold: {every: 100, for: 1s}
    ops:
      - CaptureSnapshot: {tag: again}
      - KillPayload: {payload: load}
checks:
  - {metric: avg_off_cpu_pct, min: 110}
  - {metric: p99_iteration_csot_us, max: 1ms}
  - {metric: payload.loda.exit_code, max: 0}
  - {read: jj, max: 5}
  - {snapshot: agian, at: x, min: 1}
  - {metric: iteration_rate, phase: wram, min: 1}
kernel: ">=6.13 <6.12"
)") ==
        R"(a.yaml:2:10: error[rule]: the timeout must be more than 0s
     2 | timeout: 0s
       |          ^~
a.yaml:5:36: error[wrong-type]: expected a string, found the integer '2'
     5 |   load: {binary: stress-ng, args: [2]}
       |                                    ^ quote it: "2"
a.yaml:6:39: error[unknown-name]: expected exit_code, json, kv or regex, found 'kvv'
     6 |   probe: {binary: sh, output: {parse: kvv}}
       |                                       ^~~ did you mean 'kv'?
a.yaml:7:18: error[missing-program]: program './not-there' does not exist (looked for not-there)
     7 |   gone: {binary: ./not-there}
       |                  ^~~~~~~~~~~
a.yaml:10:28: error[bad-cpuset]: there is no LLC 7: the topology has 2 LLCs
    10 |     - {name: base, cpuset: {llc: 7}, work: [{type: SpinWiat, nice: 50}]}
       |                            ^~~~~~~~
a.yaml:10:52: error[unknown-name]: there is no work type 'SpinWiat'
    10 |     - {name: base, cpuset: {llc: 7}, work: [{type: SpinWiat, nice: 50}]}
       |                                                    ^~~~~~~~ did you mean 'SpinWait'?
a.yaml:10:68: error[out-of-range]: 50 is out of range: it must be between -20 and 19
    10 |     - {name: base, cpuset: {llc: 7}, work: [{type: SpinWiat, nice: 50}]}
       |                                                                    ^~
a.yaml:11:14: error[unknown-name]: no payload 'laod' is declared
    11 |   payloads: [laod]
       |              ^~~~ did you mean 'load'?
a.yaml:15:83: error[too-many]: with these 3 tasks there would be 3 in cgroup 'hot', whose pids.max is 1
    15 |       - {name: hot, cpuset: 0-1, pids: {max: 1}, work: [{type: SpinWait, workers: 3}]}
       |                                                                                   ^ raise `pids: {max: N}`
a.yaml:16:32: error[bad-cpuset]: CPU 2 is not in the cpuset of 'hot' (0-1), so no task of 'hot/in' can run there
    16 |       - {name: hot/in, cpuset: 1-2}
       |                                ^~~
a.yaml:17:16: error[bad-value]: '.bad' is not allowed here: letters, digits, '_', '-' and '.', components joined by '/'; none begins with a dot
    17 |       - {name: .bad, cpuset: {llc: 9}}
       |                ^~~~
a.yaml:17:30: error[bad-cpuset]: there is no LLC 9: the topology has 2 LLCs
    17 |       - {name: .bad, cpuset: {llc: 9}}
       |                              ^~~~~~~~
a.yaml:19:60: error[bad-value]: 'u7' is not a width; write u32, u64 or 16B
    19 |       - ReadKernelHot: {tag: j, target: jiffies_64, width: u7}
       |                                                            ^~
a.yaml:20:29: error[unknown-name]: no cgroup 'hto' is alive at this point
    20 |       - SetCpuset: {cgroup: hto, cpus: {llc: 4}}
       |                             ^~~ did you mean 'hot' (created in step 'warm')?
a.yaml:20:40: error[bad-cpuset]: there is no LLC 4: the topology has 2 LLCs
    20 |       - SetCpuset: {cgroup: hto, cpus: {llc: 4}}
       |                                        ^~~~~~~~
a.yaml:21:31: error[unknown-name]: no payload 'laod' is declared
    21 |       - RunPayload: {payload: laod, cgroup: hto}
       |                               ^~~~ did you mean 'load'?
a.yaml:21:45: error[unknown-name]: no cgroup 'hto' is alive at this point
    21 |       - RunPayload: {payload: laod, cgroup: hto}
       |                                             ^~~ did you mean 'hot' (created in step 'warm')?
a.yaml:22:25: error[unknown-name]: no cgroup 'hto' is alive at this point
    22 |       - Spawn: {cgroup: hto, work: {type: Bursty, burst_duration: 0s, workers: 0}}
       |                         ^~~ did you mean 'hot' (created in step 'warm')?
a.yaml:22:67: error[rule]: must be more than 0s
    22 |       - Spawn: {cgroup: hto, work: {type: Bursty, burst_duration: 0s, workers: 0}}
       |                                                                   ^~
a.yaml:22:80: error[bad-value]: at least one worker is needed
    22 |       - Spawn: {cgroup: hto, work: {type: Bursty, burst_duration: 0s, workers: 0}}
       |                                                                                ^
a.yaml:23:23: error[unknown-key]: unknown key 'name' in WaitPayload
    23 |       - WaitPayload: {name: load}
       |                       ^~~~ did you mean 'payload'?
a.yaml:24:9: error[unknown-name]: there is no Op 'SetCpusett'
    24 |       - SetCpusett: {cgroup: hot, cpus: 1}
       |         ^~~~~~~~~~ did you mean 'SetCpuset'?
a.yaml:25:32: error[cgroup-not-empty]: cgroup 'hot' still has the child 'hot/in'
    25 |       - RemoveCgroup: {cgroup: hot}
       |                                ^~~ remove the child first
a.yaml:26:24: error[bad-watch]: a watch without a symbol needs a tag
    26 |       - WatchSnapshot: {target: {direct: 16}, bytes: 3}
       |                        ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
a.yaml:26:54: error[bad-watch]: a watch covers 1, 2, 4 or 8 bytes
    26 |       - WatchSnapshot: {target: {direct: 16}, bytes: 3}
       |                                                      ^
a.yaml:27:5: error[unknown-key]: unknown key 'hodl' in Step
    27 |     hodl: 1s
       |     ^~~~ did you mean 'hold'?
a.yaml:29:18: error[unknown-name]: there is no metric 'max_gap'
    29 |       - {metric: max_gap, max: 2s}
       |                  ^~~~~~~ did you mean 'max_gap_ms'?
a.yaml:30:41: error[unknown-name]: there is no cgroup 'hto' in this scenario
    30 |       - {metric: page_locality, cgroup: hto, min: 5}
       |                                         ^~~ did you mean 'hot'?
a.yaml:30:51: error[bad-check]: no run can fulfil this: page_locality is from 0 to 1
    30 |       - {metric: page_locality, cgroup: hto, min: 5}
       |                                                   ^
a.yaml:31:48: error[wrong-unit]: 2% is a share, which cannot bound a number in ms
    31 |       - {metric: max_gap_ms, cgroup: hot, max: 2%}
       |                                                ^~
a.yaml:32:11: error[duplicate-name]: two steps are named 'warm'
    32 |   - name: warm
       |           ^~~~ phases are addressed by step name
a.yaml:13:5: note: the first one
    13 |   - name: warm
       |     ^~~~
a.yaml:33:19: error[bad-value]: '100' has no unit; write e.g. 100ms or 100s
    33 |     hold: {every: 100, for: 1s}
       |                   ^~~
a.yaml:35:26: error[capture-in-loop]: a snapshot cannot be taken in a repeated step: each would replace the last
    35 |       - CaptureSnapshot: {tag: again}
       |                          ^~~~~~~~~~~~ use `snapshots: {periodic: N}` for a series
a.yaml:36:32: error[never-started]: payload 'load' was never started
    36 |       - KillPayload: {payload: load}
       |                                ^~~~ start it with RunPayload first
a.yaml:38:36: error[bad-check]: no run can fulfil this: avg_off_cpu_pct is from 0% to 100%
    38 |   - {metric: avg_off_cpu_pct, min: 110}
       |                                    ^~~
a.yaml:39:14: error[unknown-name]: there is no metric 'p99_iteration_csot_us'
    39 |   - {metric: p99_iteration_csot_us, max: 1ms}
       |              ^~~~~~~~~~~~~~~~~~~~~ did you mean 'p99_iteration_cost_us'?
a.yaml:40:14: error[unknown-name]: there is no payload 'loda' in this scenario
    40 |   - {metric: payload.loda.exit_code, max: 0}
       |              ^~~~~~~~~~~~~~~~~~~~~~ did you mean 'load'?
a.yaml:41:12: error[unknown-name]: there is no read 'jj' in this scenario
    41 |   - {read: jj, max: 5}
       |            ^~
a.yaml:42:16: error[unknown-name]: there is no snapshot 'agian' in this scenario
    42 |   - {snapshot: agian, at: x, min: 1}
       |                ^~~~~ did you mean 'again'?
a.yaml:43:37: error[unknown-name]: there is no phase 'wram' in this scenario
    43 |   - {metric: iteration_rate, phase: wram, min: 1}
       |                                     ^~~~ did you mean 'warm'?
a.yaml:44:9: error[rule]: no kernel is >=6.13 <6.12, so the scenario would never run
    44 | kernel: ">=6.13 <6.12"
       |         ^~~~~~~~~~~~~~
)");
}

TEST_CASE("what would only follow from another mistake is not said") {
  CHECK(Lint(R"(# Every name here may be one that an unreadable place was to make: each mistake is said once.
version: 1
payloads:
  load: {binary: stress-ng}
steps:
  - name: one
    cgroups:
      - {nmae: hot, work: [{type: SpinWait}]}
    ops:
      - RunPayload: {paylod: load, cgroup: hot}
      - WaitPayload: {payload: load}
      - SetCpuset: {cgroup: hot, cpus: 0}
      - CaptureSnapshot: {tga: before}
    hold: 1s
    checks:
      - {metric: max_gap_ms, cgroup: hot, max: 1s}
      - {snapshot: before, at: "run_queues[0].nr_running", max: 5}
  - nmae: two
    ops:
      - SetCpuset: {cgroup: hot, cpus: 0}
    checks:
      - {metric: iteration_rate, phase: two, min: 5}
)") ==
        R"(a.yaml:8:10: error[unknown-key]: unknown key 'nmae' in CgroupDef
     8 |       - {nmae: hot, work: [{type: SpinWait}]}
       |          ^~~~ did you mean 'name'?
a.yaml:10:22: error[unknown-key]: unknown key 'paylod' in RunPayload
    10 |       - RunPayload: {paylod: load, cgroup: hot}
       |                      ^~~~~~ did you mean 'payload'?
a.yaml:13:27: error[unknown-key]: unknown key 'tga' in CaptureSnapshot
    13 |       - CaptureSnapshot: {tga: before}
       |                           ^~~ did you mean 'tag'?
a.yaml:18:5: error[unknown-key]: unknown key 'nmae' in Step
    18 |   - nmae: two
       |     ^~~~ did you mean 'name'?
a.yaml:20:29: error[unknown-name]: no cgroup 'hot' is alive at this point
    20 |       - SetCpuset: {cgroup: hot, cpus: 0}
       |                             ^~~ those of earlier steps ended with their steps
)");
}

TEST_CASE("a mistake of YAML hides no mistake of names") {
  CHECK(Lint(R"(version: 1
steps:
  - name: one
    name: two
    ops:
      - SetCpuset: {cgroup: hto, cpus: {llc: 9}}
checks:
  - {metric: max_gap, max: 2s}
)") ==
        R"(a.yaml:4:5: error[duplicate-key]: the key 'name' stands twice in this map
     4 |     name: two
       |     ^~~~
a.yaml:3:5: note: the first one is here
     3 |   - name: one
       |     ^~~~
a.yaml:6:29: error[unknown-name]: no cgroup 'hto' is alive at this point
     6 |       - SetCpuset: {cgroup: hto, cpus: {llc: 9}}
       |                             ^~~ no cgroup exists yet; declare one under `cgroups:`
a.yaml:6:40: error[bad-cpuset]: there is no LLC 9: the topology has 1 LLC
     6 |       - SetCpuset: {cgroup: hto, cpus: {llc: 9}}
       |                                        ^~~~~~~~
a.yaml:8:14: error[unknown-name]: there is no metric 'max_gap'
     8 |   - {metric: max_gap, max: 2s}
       |              ^~~~~~~ did you mean 'max_gap_ms'?
)");
}

TEST_CASE("an unreadable topology hides no mistake of names, and no CPU is judged by it") {
  CHECK(Lint(R"(version: 2
topology: {llcs: many}
steps:
  - cgroups: [{name: a, cpuset: {llc: 3}, work: [{type: SpinWait, affinity: 7}]}]
    ops:
      - SetCpuset: {cgroup: b, cpus: {llc: 9}}
checks:
  - {metric: max_gap, max: 2s}
)") ==
        R"(a.yaml:1:10: error[out-of-range]: 2 is out of range: it must be between 1 and 1
     1 | version: 2
       |          ^
a.yaml:2:18: error[wrong-type]: expected an integer, found the string 'many'
     2 | topology: {llcs: many}
       |                  ^~~~
a.yaml:6:29: error[unknown-name]: no cgroup 'b' is alive at this point
     6 |       - SetCpuset: {cgroup: b, cpus: {llc: 9}}
       |                             ^ alive here: 'a'
a.yaml:8:14: error[unknown-name]: there is no metric 'max_gap'
     8 |   - {metric: max_gap, max: 2s}
       |              ^~~~~~~ did you mean 'max_gap_ms'?
)");
}
