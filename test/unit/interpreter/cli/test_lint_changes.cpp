// What lint says of the Ops that change what lives, whole.
#include "test/unit/interpreter/cli/test_cli_fixture.h"

using namespace ktstr;
using namespace ktstr::test;

TEST_CASE("lint shows all mistakes in Ops that change workers, cgroups, files and CPUs") {
  const WorkDir dir;
  WriteText("a.yaml", R"yaml(version: 1
topology: 1n1l4c1t
payloads: {web: {binary: sh}}
backdrop:
  cgroups:
    - {name: base, cpuset: 0-1, work: [{type: SpinWait, name: core}]}
steps:
  - name: one
    cgroups: [{name: own}, {name: lean}]
    ops:
      - MoveAllTasks: {from: bsae, to: own}
      - MoveAllTasks: {from: base, to: own}
      - MoveAllTasks: {from: own, to: base}
      - SwapCpusets: {a: base, b: own}
      - SetAffinity: {cgroup: base, affinity: 2-3}
      - SetAffinity: {cgroup: own, affinity: inherit}
      - SetAffinity: {cgroup: base, group: cor, affinity: {cpus: "0", kind: single_cpu}}
      - SetNice: {cgroup: base, nice: 20}
      - SetPolicy: {cgroup: base, policy: deadline}
      - SetLimits: {cgroup: base}
      - SetLimits: {cgroup: lena, cpu: {weight: 0}, mems: "3"}
      - SetCpuOnline: {cpu: 0, online: off}
      - SetCpuOnline: {cpu: 7, online: off}
      - SetCpuOnline: {cpu: 3, online: on}
      - SetCpuOnline: {cpu: 2, online: maybe}
      - SendSignal: {cgroup: base, signal: USR1}
      - SendSignal: {payload: web, signal: TERM}
      - SendSignal: {cgroup: base, signal: NOPE}
      - Sleep: {for: 0s}
      - Sleep: {}
      - WriteGuestFile: {path: /etc/passwd, value: x}
      - WriteGuestFile: {path: /sys/fs/cgroup/ktstr/base/cpuset.cpus, value: "0"}
      - WriteGuestFile: {path: /sys/fs/cgroup/ktstr/bsae/cpu.weight, value: "5"}
      - WriteGuestFile: {path: /proc/1/oom_adj, value: "5"}
      - WriteGuestFile: {path: /sys/devices/system/cpu/cpu1/online, value: "0"}
      - WriteGuestFile: {path: /proc/sys/kernel/panic, value: "5", errno: EFOO}
      - ReadGuestFile: {path: /dev/kmsg, tag: log}
      - ReadGuestFile: {path: /proc/stat, tag: stat}
    hold: 100ms
    checks:
      - {file: stta, min: 1}
      - {file: stat}
      - {file: stat, line: 1, key: cpu, min: 1}
      - {file: stat, present: "(", min: 1}
      - {file: stat, line: 0, min: 1}
      - {file: stat, key: cpu, over_time: {nondecreasing: true}, max: 3}
)yaml");
  CHECK(Cli({"lint", "a.yaml"}).out ==
        R"out(a.yaml:11:30: error[unknown-name]: no cgroup 'bsae' is alive at this point
    11 |       - MoveAllTasks: {from: bsae, to: own}
       |                              ^~~~ did you mean 'base' (created in the backdrop)?
a.yaml:12:40: error[ends-too-early]: workers of the backdrop cannot move into cgroup 'own', which ends with its step
    12 |       - MoveAllTasks: {from: base, to: own}
       |                                        ^~~ make 'own' in the backdrop
a.yaml:9:15: note: made here
     9 |     cgroups: [{name: own}, {name: lean}]
       |               ^~~~~~~~~~~
a.yaml:13:30: error[no-workers]: no workers are in cgroup 'own' at this point
    13 |       - MoveAllTasks: {from: own, to: base}
       |                              ^~~ start some with `work:` or Spawn first; payloads are not moved
a.yaml:14:35: error[no-cpuset]: cgroup 'own' has no cpuset of its own at this point
    14 |       - SwapCpusets: {a: base, b: own}
       |                                   ^~~ give it one with `cpuset:` or SetCpuset
a.yaml:15:47: error[bad-affinity]: none of the CPUs 2-3 is among the cgroup's (0-1)
    15 |       - SetAffinity: {cgroup: base, affinity: 2-3}
       |                                               ^~~
a.yaml:16:31: error[no-workers]: no workers are in cgroup 'own' at this point
    16 |       - SetAffinity: {cgroup: own, affinity: inherit}
       |                               ^~~ start some with `work:` or Spawn first
a.yaml:17:44: error[unknown-name]: no work group 'cor' is in cgroup 'base' at this point
    17 |       - SetAffinity: {cgroup: base, group: cor, affinity: {cpus: "0", kind: single_cpu}}
       |                                            ^~~ did you mean 'core'?
a.yaml:17:59: error[rule]: give only one of kind, cpus and random
    17 |       - SetAffinity: {cgroup: base, group: cor, affinity: {cpus: "0", kind: single_cpu}}
       |                                                           ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~
a.yaml:18:39: error[out-of-range]: 20 is out of range: it must be between -20 and 19
    18 |       - SetNice: {cgroup: base, nice: 20}
       |                                       ^~
a.yaml:19:43: error[rule]: policy: deadline and deadline: {...} belong together
    19 |       - SetPolicy: {cgroup: base, policy: deadline}
       |                                           ^~~~~~~~
a.yaml:20:20: error[rule]: give at least one of mems, cpu, memory, io and pids
    20 |       - SetLimits: {cgroup: base}
       |                    ^~~~~~~~~~~~~~
a.yaml:21:29: error[unknown-name]: no cgroup 'lena' is alive at this point
    21 |       - SetLimits: {cgroup: lena, cpu: {weight: 0}, mems: "3"}
       |                             ^~~~ did you mean 'lean' (created in step 'one')?
a.yaml:21:49: error[out-of-range]: 0 is out of range: it must be between 1 and 10000
    21 |       - SetLimits: {cgroup: lena, cpu: {weight: 0}, mems: "3"}
       |                                                 ^
a.yaml:21:59: error[bad-cpuset]: there is no NUMA node 3: 1n1l4c1t has 1
    21 |       - SetLimits: {cgroup: lena, cpu: {weight: 0}, mems: "3"}
       |                                                           ^~~
a.yaml:22:29: error[bad-cpuset]: CPU 0 always stays online on x86
    22 |       - SetCpuOnline: {cpu: 0, online: off}
       |                             ^ take another one
a.yaml:23:29: error[bad-cpuset]: there is no CPU 7: 1n1l4c1t has 4
    23 |       - SetCpuOnline: {cpu: 7, online: off}
       |                             ^
a.yaml:24:40: error[nothing-to-do]: CPU 3 is online at this point
    24 |       - SetCpuOnline: {cpu: 3, online: on}
       |                                        ^~
a.yaml:25:40: error[wrong-type]: expected on or off, found the string 'maybe'
    25 |       - SetCpuOnline: {cpu: 2, online: maybe}
       |                                        ^~~~~
a.yaml:26:44: error[rule]: workers can be sent STOP, CONT, TERM and KILL; SIGUSR1 would end them like TERM
    26 |       - SendSignal: {cgroup: base, signal: USR1}
       |                                            ^~~~
a.yaml:27:31: error[never-started]: payload 'web' was never started
    27 |       - SendSignal: {payload: web, signal: TERM}
       |                               ^~~ start it with RunPayload first
a.yaml:28:44: error[bad-value]: 'NOPE' is no signal
    28 |       - SendSignal: {cgroup: base, signal: NOPE}
       |                                            ^~~~
a.yaml:29:22: error[rule]: the time must be more than 0s
    29 |       - Sleep: {for: 0s}
       |                      ^~
a.yaml:30:9: error[missing-key]: Sleep needs the key 'for'
    30 |       - Sleep: {}
       |         ^~~~~ for: How long, in the guest's time.
a.yaml:31:32: error[bad-value]: '/etc/passwd' is not allowed here: an absolute path below /sys, /proc or /dev
    31 |       - WriteGuestFile: {path: /etc/passwd, value: x}
       |                                ^~~~~~~~~~~
a.yaml:32:32: error[reserved-file]: /sys/fs/cgroup/ktstr/base/cpuset.cpus is written by an Op of its own, which checks know of
    32 |       - WriteGuestFile: {path: /sys/fs/cgroup/ktstr/base/cpuset.cpus, value: "0"}
       |                                ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ use SetCpuset
a.yaml:33:32: error[unknown-name]: no cgroup 'bsae' is alive at this point
    33 |       - WriteGuestFile: {path: /sys/fs/cgroup/ktstr/bsae/cpu.weight, value: "5"}
       |                                ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ did you mean 'base' (created in the backdrop)?
a.yaml:34:32: error[reserved-file]: /proc/1/oom_adj is PID 1's own
    34 |       - WriteGuestFile: {path: /proc/1/oom_adj, value: "5"}
       |                                ^~~~~~~~~~~~~~~
a.yaml:35:32: error[reserved-file]: /sys/devices/system/cpu/cpu1/online is written by an Op of its own, which checks know of
    35 |       - WriteGuestFile: {path: /sys/devices/system/cpu/cpu1/online, value: "0"}
       |                                ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ use SetCpuOnline
a.yaml:36:75: error[bad-value]: 'EFOO' is no error of the kernel
    36 |       - WriteGuestFile: {path: /proc/sys/kernel/panic, value: "5", errno: EFOO}
       |                                                                           ^~~~
a.yaml:37:31: error[reserved-file]: /dev/kmsg is a device: reading one may never end
    37 |       - ReadGuestFile: {path: /dev/kmsg, tag: log}
       |                               ^~~~~~~~~
a.yaml:41:16: error[unknown-name]: there is no guest file 'stta' in this scenario
    41 |       - {file: stta, min: 1}
       |                ^~~~ did you mean 'stat'?
a.yaml:42:9: error[rule]: the check has no bound; give min, max, between or equals
    42 |       - {file: stat}
       |         ^~~~~~~~~~~~
a.yaml:43:9: error[rule]: give only one of line, key and json
    43 |       - {file: stat, line: 1, key: cpu, min: 1}
       |         ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
a.yaml:44:31: error[rule]: it is not a regular expression
    44 |       - {file: stat, present: "(", min: 1}
       |                               ^~~
a.yaml:44:31: error[rule]: present and absent look at all lines; put other conditions into a check of their own
    44 |       - {file: stat, present: "(", min: 1}
       |                               ^~~
a.yaml:45:28: error[out-of-range]: 0 is out of range: it must be between 1 and 4294967295
    45 |       - {file: stat, line: 0, min: 1}
       |                            ^
a.yaml:46:43: error[rule]: over_time has bounds of its own
    46 |       - {file: stat, key: cpu, over_time: {nondecreasing: true}, max: 3}
       |                                           ^~~~~~~~~~~~~~~~~~~~~
)out");
}
