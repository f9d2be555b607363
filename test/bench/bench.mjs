// Measures and prints the table; how to run it and what the figures mean is in README.md.
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {cpus, loadavg, tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {measureClones, measureCold, measureSuites} from './clones.mjs';
import {measureObserve} from './observe.mjs';
import {kFiles, kLinesPerFile, kSteps, writeScenarios} from './scenarios.mjs';
import {measureVerify} from './verify.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const build = resolve(process.env.KTSTR_BUILD_DIR ?? join(root, 'build'));
const program = join(build, 'ktstr-interp');
const schema = join(root, 'schemas/scenario.schema.json');
const ajv = join(here, 'node_modules/ajv-cli/dist/index.js');
const kParts = ['lint', 'host', 'guest', 'run', 'clones', 'suites', 'cold', 'observe', 'verify'];

const {values: options} = parseArgs({options: {
  json: {type: 'string', default: join(build, 'bench.json')},
  only: {type: 'string', default: kParts.join(',')},
  rounds: {type: 'string', default: '20'}}});
const rounds = Number(options.rounds);
if (!(rounds >= 1)) throw new Error(`--rounds: '${options.rounds}' is no number of rounds`);
const boots = Math.ceil(rounds / 2);
const parts = options.only.split(',');
for (const part of parts) {
  if (!kParts.includes(part)) throw new Error(`--only: '${part}' is not one of ${kParts.join(', ')}`);
}

// ---- numbers ----

const sorted = (values) => [...values].sort((a, b) => a - b);
const quantile = (values, q) => sorted(values)[Math.min(values.length - 1, Math.floor(q * values.length))];
const median = (values) => {
  const s = sorted(values);
  return (s[(s.length - 1) >> 1] + s[s.length >> 1]) / 2;
};

const rows = [];
/// One line of the table. `ours` and `theirs` are lists of measured values or single numbers.
function row(what, unit, ours, {theirs = null, aim = ''} = {}) {
  const summary = (values) => {
    if (values === null) return null;
    const list = Array.isArray(values) ? values : [values];
    return {median: median(list), min: Math.min(...list), max: Math.max(...list), count: list.length};
  };
  const result = {what, unit, ours: summary(ours), theirs: summary(theirs), aim};
  result.ratio = result.theirs === null ? null : result.theirs.median / result.ours.median;
  rows.push(result);
}

// ---- running things ----

/// What one command took. Every command here must succeed.
function time(...command) {
  const output = execFileSync(join(build, 'test/bench_command'), command, {encoding: 'utf8'});
  const result = JSON.parse(output);
  if (result.exit_code !== 0) throw new Error(`exit code ${result.exit_code} from: ${command.join(' ')}`);
  return result;
}

/// The JSON object a measuring program prints.
function measure(name, ...args) {
  return JSON.parse(execFileSync(join(build, 'test', name), args,
                                 {encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28}));
}

// ---- lint, against ajv-cli ----

const lintCommand = (path) => [program, 'lint', path];
const ajvCommand = (pattern) => [process.execPath, ajv, 'validate', '--strict=false', '-s', schema, '-d', pattern];

/// Both name the bad file's misspelt key and exit with 1.
function checkBothRefuse(path) {
  for (const [name, ...args] of [lintCommand(path), ajvCommand(path)]) {
    const {status, stdout, stderr} = spawnSync(name, args, {encoding: 'utf8'});
    if (status !== 1 || !(stdout + stderr).includes('hodl'))
      throw new Error(`exit code ${status} where a bad file should be refused: ${name} ${args.join(' ')}`);
  }
}

function measureLint(scratch) {
  checkBothRefuse(join(scratch, 'bad/bad.yaml'));
  const cases = [
    [`lint ${kFiles} files of ${kLinesPerFile} lines`, 'small', '*.yaml'],
    [`lint 1 file of ${kSteps} steps`, 'large', '*.yaml'],
    [`lint 1 file of ${kLinesPerFile} lines`, 'small', 'scenario-0000.yaml'],
  ];
  for (const [what, folder, pattern] of cases) {
    const single = !pattern.includes('*');
    const ours = [];
    const theirs = [];
    for (let round = 0; round < rounds; round += 1) {  // in turns, so that other load hits both
      ours.push(time(...lintCommand(join(scratch, folder, single ? pattern : ''))));
      theirs.push(time(...ajvCommand(join(scratch, folder, pattern))));
    }
    for (const [unit, key] of [['ms wall', 'wall_ms'], ['ms CPU', 'cpu_ms']]) {
      row(what, unit, ours.map((t) => t[key]),
          {theirs: theirs.map((t) => t[key]), aim: single ? '' : 'ratio >= 20'});
    }
  }
}

// ---- what the host computes ----

function measureHost(scratch) {
  const series = measure('bench_host', join(scratch, 'large/large.yaml'), scratch, options.rounds);
  row(`load ${kSteps} steps: YAML`, 'ms CPU', series.load_parse);
  row(`load ${kSteps} steps: decode`, 'ms CPU', series.load_decode);
  row(`load ${kSteps} steps: plan and check`, 'ms CPU', series.load_check);
  row(`plan ${kSteps} steps for a run`, 'ms CPU', series.plan);
  row('decode 10 reports of 100 000 samples', 'ns/sample', series.report_decode_ns_per_sample,
      {theirs: series.json_decode_ns_per_sample});
  row('fold them', 'ns/sample', series.fold_ns_per_sample);
  row('stress-ng: find its libraries', 'ms CPU', series.payload_closure);
  row('stress-ng: pack the initramfs, LZ4', 'ms CPU', series.pack_lz4);
  row('stress-ng: pack it uncompressed', 'ms CPU', series.pack_none);
}

// ---- guest ----

function measureGuest(scratch) {
  const series = measure('bench_guest', 'pings', scratch);
  for (const [name, values] of [['guest idle', series.ping_idle_us], ['2 spinning workers', series.ping_loaded_us]]) {
    row(`Op round trip, ${name}: median`, 'us', values, {aim: '< 1000'});
    row(`Op round trip, ${name}: p99`, 'us', quantile(values, 0.99));
  }
}

function measureRun(scratch) {
  const scenario = join(root, 'scenarios/smoke/idle.yaml');
  const times = {wall: [], cpu: [], ready: [], ops: [], rest: [], plain: [], plainCpu: []};
  for (let round = 0; round < boots; round += 1) {
    const out = join(scratch, `runs-${round}`);
    const took = time(program, 'run', '--no-clone', '--accel', 'tcg', '--out', out, scenario);
    const {host, verdict} = JSON.parse(readFileSync(join(out, 'latest/idle/verdict.json'), 'utf8'));
    if (verdict !== 'PASS') throw new Error(`${scenario}: ${verdict}`);
    times.wall.push(took.wall_ms);
    times.cpu.push(took.cpu_ms);
    times.ready.push(host.ready_ms);
    times.ops.push(host.total_ms - host.ready_ms);
    times.rest.push(took.wall_ms - host.total_ms);
    times.plain.push(...measure('bench_guest', 'plain_boot', scratch).plain_boot_ms);
  }
  row('empty scenario, booted: process start to its end', 'ms wall', times.wall);
  row('  the same', 'ms CPU', times.cpu);
  row('  of it QEMU and kernel, to guest-init\'s first frame', 'ms wall', times.ready, {theirs: times.plain});
  row('  of it phases, Op, collection, verdict', 'ms wall', times.ops);
  row('  of it before and after (load, kernel choice, files)', 'ms wall', times.rest);
  row('  share of the boot', '%', 100 * median(times.ready) / median(times.wall));
}

// ---- report ----

const number = (value) => {
  if (value === null) return '';
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits);
};

function table() {
  const cells = [['what', 'unit', 'ours', 'theirs', 'ratio', 'aim']];
  for (const {what, unit, ours, theirs, ratio, aim} of rows)
    cells.push([what, unit, number(ours.median), number(theirs?.median ?? null), number(ratio), aim]);
  const widths = cells[0].map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  const print = (line) => line.map((text, i) => i >= 2 && i <= 4 ? text.padStart(widths[i]) : text.padEnd(widths[i]))
                              .join('  ').trimEnd();
  return [print(cells[0]), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.slice(1).map(print)].join('\n');
}

const loads = () => loadavg().map((load) => load.toFixed(2)).join(' ');
const machine = {date: new Date().toISOString(), cpu: cpus()[0].model.trim(), cpus: cpus().length,
                 commit: execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], {encoding: 'utf8'}).trim(),
                 node: process.version, accel: 'tcg', load_before: loads()};
const scratch = mkdtempSync(join(tmpdir(), 'ktstr-bench-'));
try {
  writeScenarios(scratch);
  const tools = {program, scratch, rounds, row, time, measure, median, quantile};
  const steps = {lint: measureLint, host: measureHost, guest: measureGuest, run: measureRun,
                 clones: () => measureClones(tools), suites: () => measureSuites(tools), cold: () => measureCold(tools),
                 observe: () => measureObserve(tools), verify: () => measureVerify(tools)};
  for (const part of kParts.filter((name) => parts.includes(name))) {
    process.stderr.write(`bench: measuring ${part}\n`);
    steps[part](scratch);
  }
} finally {
  rmSync(scratch, {recursive: true, force: true});
}
machine.load_after = loads();
console.log(`${machine.date}  ${machine.cpus} x ${machine.cpu}, TCG, commit ${machine.commit}, node ${machine.node}`);
console.log(`load average before: ${machine.load_before}   after: ${machine.load_after}`);
console.log('theirs: ajv-cli 5.0.0 (lint), nlohmann::json (decode), QEMU with default settings (boot), a stop and cont (capture)\n');
console.log(table());
writeFileSync(options.json, JSON.stringify({machine, rows}, null, 2) + '\n');
console.log(`\n${options.json}`);
