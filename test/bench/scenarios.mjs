// The scenario files that are linted: realistic, valid, different from each other, the same on every run.
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

export const kFiles = 1000;
export const kLinesPerFile = 40;
export const kSteps = 1000;

const kTopologies = ['1n1l2c1t', '1n2l2c1t', '1n2l4c1t', '2n2l2c2t'];
const kWork = [
  'type: SpinWait, workers: 2',
  'type: Bursty, workers: 2, burst_duration: 20ms, sleep_duration: 30ms',
  'type: Mixed, workers: 50%, nice: 5',
  'type: PipeIo, workers: 2, burst_iters: 512',
  'type: FutexPingPong, workers: 4, spin_iters: 2048',
  'type: YieldHeavy, workers: 1',
];
const pick = (list, i) => list[i % list.length];

/// A scenario of exactly kLinesPerFile lines; what is in it varies with `i`.
function smallFile(i) {
  const lines = `
# Generated scenario ${i}: a steady load, then its CPUs and its company change.
version: 1
name: bench-${i}
description: Half the CPUs are taken from a busy cgroup; nobody starves (${i}).
tags: [bench, ${pick(['cpuset', 'fairness', 'churn'], i)}]
topology: ${pick(kTopologies, i)}
memory: ${pick(['auto', '512MiB', '1GiB'], i)}
kernel: ">=6.12"
timeout: ${60 + (i % 5) * 30}s
payloads:
  stress:
    binary: stress-ng
    args: [--cpu, "${1 + (i % 4)}", --timeout, 2s, --metrics-brief]
    checks: [{exit_code: 0}]
backdrop:
  cgroups:
    - name: steady
      cpu: {weight: ${100 + (i % 9) * 50}}
      work: [{${pick(kWork, i)}}]
steps:
  - name: warm
    cgroups:
      - name: hot
        cpuset: {llc: 0}
        cpu: {weight: 200, max: 150%}
        work: [{${pick(kWork, i + 1)}}, {${pick(kWork, i + 3)}}]
    hold: ${500 + (i % 7) * 100}ms
  - name: shrink
    ops:
      - AddCgroup: {name: extra}
      - Spawn: {cgroup: extra, work: {${pick(kWork, i + 2)}}}
      - SetCpuset: {cgroup: extra, cpus: {range: [0%, 50%]}}
      - RunPayload: {payload: stress, cgroup: extra}
      - WaitPayload: {payload: stress, timeout: 20s}
      - StopCgroup: {cgroup: extra}
    hold: 50%
    checks:
      - {metric: max_gap_ms, cgroup: steady, max: ${1 + (i % 3)}s}
checks:
  - {metric: iteration_rate, phase: shrink, vs_phase: warm, min_ratio: 0.${1 + (i % 8)}}
`.trim().replace('    hold: {every: 200ms, for: 1s}', '    hold: 50%').split('\n');
  return lines.join('\n') + '\n';
}

function largeFile() {
  const lines = `
# Generated: one scenario of ${kSteps} steps.
version: 1
description: A cgroup wanders over the CPUs while others come and go.
topology: 1n2l2c1t
timeout: 1h
backdrop:
  cgroups:
    - {name: nomad, work: [{${kWork[0]}}]}
steps:`.trim().split('\n');
  for (let i = 0; i < kSteps; i += 1) {
    lines.push(
        `  - name: step-${i}`,
        '    cgroups:',
        `      - {name: guest-${i}, cpu: {weight: ${1 + i % 10000}}, work: [{${pick(kWork, i)}}]}`,
        '    ops:',
        `      - SetCpuset: {cgroup: nomad, cpus: ${pick(['{llc: 0}', '{llc: 1}', '{range: [0%, 50%]}'], i)}}`,
        `      - Spawn: {cgroup: guest-${i}, work: {${pick(kWork, i + 2)}}}`,
        `    hold: ${10 + i % 90}ms`,
        `    checks: [{metric: max_gap_ms, cgroup: guest-${i}, max: 2s}]`);
  }
  return lines.join('\n') + '\n';
}

/// Writes <root>/small/*.yaml, <root>/large/large.yaml and <root>/bad/bad.yaml.
export function writeScenarios(root) {
  for (const folder of ['small', 'large', 'bad']) mkdirSync(join(root, folder), {recursive: true});
  for (let i = 0; i < kFiles; i += 1) {
    const text = smallFile(i);
    const count = text.split('\n').length - 1;
    if (count !== kLinesPerFile) throw new Error(`a generated file has ${count} lines, not ${kLinesPerFile}`);
    writeFileSync(join(root, 'small', `scenario-${String(i).padStart(4, '0')}.yaml`), text);
  }
  writeFileSync(join(root, 'large', 'large.yaml'), largeFile());
  // A misspelt key: a mistake that a schema can see as well.
  writeFileSync(join(root, 'bad', 'bad.yaml'), smallFile(0).replace('    hold:', '    hodl:'));
}
