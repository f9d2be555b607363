// Clones of booted templates: one by itself, a directory of them, many side by side, and what is paid once.
import {execFileSync} from 'node:child_process';
import {mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

const kSuite = 20;
const kMany = 100;

/// `count` files with one Op each, and what else `more` says of them.
function writeSuite(directory, count, more) {
  mkdirSync(directory, {recursive: true});
  for (let i = 0; i < count; i += 1) {
    const lines = ['version: 1', ...more, 'steps:', '  - name: only', '    ops: [AddCgroup: {name: first}]'];
    writeFileSync(join(directory, `s${String(i).padStart(3, '0')}.yaml`), lines.join('\n') + '\n');
  }
  return directory;
}

/// Host milliseconds within a run until its first Op was answered, and until its end.
function marks(directory) {
  const events = readFileSync(join(directory, 'events.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const op = events.findIndex((event) => event.kind === 'request' && event.text.startsWith('AddCgroup'));
  const done = events.slice(op).find((event) => event.kind === 'reply');
  return {first_op_ms: done.host_us / 1000, end_ms: events.at(-1).host_us / 1000};
}

/// The directories of the runs of one invocation, in order.
function runsIn(out) {
  const latest = join(out, 'latest');
  return readdirSync(latest, {withFileTypes: true}).filter((entry) => entry.isDirectory())
      .map((entry) => join(latest, entry.name)).sort();
}

function run({program, time, scratch}, name, ...args) {
  const out = join(scratch, `out-${name}`);
  const took = time(program, 'run', '--accel', 'tcg', '--out', out, ...args);
  return {took, runs: runsIn(out)};
}

/// One scenario in one process, its template in the cache, against the boot of a plain QEMU.
function measureOne(tools) {
  const {row, measure, scratch, rounds} = tools;
  const file = join(writeSuite(join(scratch, 'one'), 1, []), 's000.yaml');
  run(tools, 'one-warm', file);
  const first = [], whole = [], cpu = [], plain = [];
  for (let round = 0; round < rounds; round += 1) {
    const {took, runs} = run(tools, `one-${round}`, file);
    const {first_op_ms, end_ms} = marks(runs[0]);
    // What came after the Op is known; the rest of the process's life came before. Writing the results, a
    // millisecond, is counted as before.
    first.push(took.wall_ms - (end_ms - first_op_ms));
    whole.push(took.wall_ms);
    cpu.push(took.cpu_ms);
    plain.push(...measure('bench_guest', 'plain_boot', scratch).plain_boot_ms);
  }
  row('clone: process start to the first Op done, 2 vCPUs', 'ms wall', first, {theirs: plain, aim: '<= 120, ratio >= 15'});
  row('  process start to its end', 'ms wall', whole);
  row('  the same', 'ms CPU', cpu);
}

export function measureClones(tools) {
  const {row, measure, scratch, rounds} = tools;
  measureOne(tools);
  for (const cpus of [2, 8, 64]) {
    const series = measure('bench_clones', 'starts', String(cpus), String(rounds), scratch);
    if (cpus === 2) row('  QEMU: start until the clone is loaded', 'ms wall', series.loaded_ms, {aim: '<= 60'});
    row(`clone of ${cpus} vCPUs: QEMU's start to the guest's answer`, 'ms wall', series.ready_ms);
    row(`  its template: boot and save, once`, 'ms wall', series.template_ms);
  }
  const memory = measure('bench_clones', 'memory', '8', scratch);
  row('memory of a clone (PSS, 8 side by side)', 'MiB', memory.clone_pss_mib);
  row('  above that of a QEMU without a guest', 'MiB', memory.clone_pss_mib.map((mib) => mib - memory.qemu_pss_mib[0]),
      {aim: '<= 60'});
}

export function measureSuites(tools) {
  const {row, scratch, median} = tools;
  const many = writeSuite(join(scratch, 'many'), kMany, []);
  run(tools, 'many-warm', join(many, 's000.yaml'));
  const {runs} = run(tools, 'warm', '-j', '1', many);
  row('directory, -j 1: scenario start to its first Op done', 'ms wall', runs.slice(1).map((at) => marks(at).first_op_ms),
      {aim: '<= 40'});
  const {took} = run(tools, 'many', many);
  row(`${kMany} scenarios, default -j`, 'per minute', kMany * 60000 / took.wall_ms, {aim: '>= 600'});

  const hold = ['timeout: 60s'];
  const wall = writeSuite(join(scratch, 'wall'), kSuite, hold);
  const virtual = writeSuite(join(scratch, 'virtual'), kSuite, [...hold, 'clock: virtual']);
  for (const directory of [wall, virtual])
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      writeFileSync(path, readFileSync(path, 'utf8') + '    hold: 5s\n');
    }
  run(tools, 'virtual-warm', join(virtual, 's000.yaml'));
  const fast = run(tools, 'virtual', virtual).took.wall_ms;
  const slow = run(tools, 'wall', wall).took.wall_ms;
  row(`${kSuite} scenarios with 5 s holds, virtual against wall clock`, 'ms wall', fast, {theirs: slow, aim: 'ratio >= 5'});
}

export function measureCold(tools) {
  const {row, scratch, program} = tools;
  const file = join(writeSuite(join(scratch, 'cold'), 1, []), 's000.yaml');
  const kernel = execFileSync(program, ['kernel', 'path'], {encoding: 'utf8'}).trim();
  const times = [];
  for (let round = 0; round < 3; round += 1) {
    const saved = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = join(scratch, `cache-${round}`);
    mkdirSync(process.env.XDG_CACHE_HOME);
    times.push(run(tools, `cold-${round}`, '--kernel', kernel, file).took.wall_ms);
    if (saved === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = saved;
  }
  row('first run on an empty cache, the kernel at hand', 'ms wall', times);
}
