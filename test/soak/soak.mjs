// Many runs of scenarios: verdicts counted, or the program killed. README.md says what for.
import {spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync} from 'node:fs';
import {cpus, loadavg, tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const program = join(process.env.KTSTR_BUILD_DIR ?? join(root, 'build'), 'ktstr-interp');
const usage = `usage: test/soak/run verdicts|kills [OPTIONS] [PATH...]
  --runs N        verdicts: how many runs of scenarios (500); kills: how many times the program is killed (100)
  --clock CLOCK   wall or virtual (virtual)
  --kernel IMAGE  as of \`ktstr-interp run\`; repeatable, then they take turns
  --busy          a busy loop beside it for each CPU
  --seed N        of the random moments (1)
  --keep DIR      where the results of what went wrong stay (a new directory below ${tmpdir()})
PATH is scenarios/ unless given. Exits 1 when anything was FAIL or ERROR, or was not left as it should be.`;

const {values: options, positionals: [mode, ...paths]} = parseArgs({allowPositionals: true, options: {
  runs: {type: 'string'}, clock: {type: 'string', default: 'virtual'}, kernel: {type: 'string', multiple: true},
  busy: {type: 'boolean', default: false}, seed: {type: 'string', default: '1'}, keep: {type: 'string'},
  help: {type: 'boolean', short: 'h', default: false}}});
if (options.help || !['verdicts', 'kills'].includes(mode)) {
  console.log(usage);
  process.exit(options.help ? 0 : 64);
}
const runs = Number(options.runs ?? (mode === 'kills' ? 100 : 500));
if (!(runs >= 1)) throw new Error(`--runs: '${options.runs}' is no number of runs`);
const keep = options.keep ? resolve(options.keep) : mkdtempSync(join(tmpdir(), 'ktstr-soak-'));
mkdirSync(keep, {recursive: true});
const kernels = options.kernel ?? [null];

/// The program's arguments for a run of `files`.
function runArguments(files, round, out) {
  const kernel = kernels[round % kernels.length];
  return ['run', ...files, '--clock', options.clock, '--seed', String(round + 1), '--out', out, '--format', 'json',
          ...(kernel ? ['--kernel', kernel] : [])];
}

function call(args, env = {}) {
  return spawnSync(program, args, {encoding: 'utf8', maxBuffer: 1 << 30, env: {...process.env, ...env}});
}

/// The scenarios of the paths that can run on this clock, each a file.
function selectFiles() {
  const listed = call(['list', '--format', 'json', ...(paths.length ? paths : [join(root, 'scenarios')])]);
  const files = [...new Set(JSON.parse(listed.stdout).map(entry => entry.path))];
  const fit = files.filter(file => call(['run', '--dry-run', '--clock', options.clock, file]).status === 0);
  for (const file of files) if (!fit.includes(file)) console.log(`not on the ${options.clock} clock: ${file}`);
  if (!fit.length) throw new Error('no scenario is left');
  return fit;
}

/// The processes that have `marker` in their command line or environment.
function processesWith(marker) {
  return readdirSync('/proc').filter(name => /^\d+$/.test(name) && Number(name) !== process.pid).filter(pid => {
    try {
      return ['cmdline', 'environ'].some(file => readFileSync(`/proc/${pid}/${file}`).includes(marker));
    } catch {
      return false;  // it is gone
    }
  });
}

function walk(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, {withFileTypes: true}).flatMap(entry =>
    entry.isDirectory() ? walk(join(directory, entry.name)) : [join(directory, entry.name)]);
}

/// What is no whole file of those that a run writes.
function halfFiles(directory) {
  const broken = [];
  const parses = text => {
    try { JSON.parse(text); return true; } catch { return false; }
  };
  for (const file of walk(directory)) {
    if (file.endsWith('.json') && !parses(readFileSync(file, 'utf8'))) broken.push(file);
    // A log may lack its last line's end, never anything before it.
    if (file.endsWith('.jsonl') && !readFileSync(file, 'utf8').split('\n').slice(0, -1).every(parses)) broken.push(file);
  }
  return broken;
}

/// The runs below `results` that were finished, and their verdict.json as it stands there.
function finishedRuns(results) {
  const finished = new Map();
  for (const file of walk(results))
    if (file.endsWith('/reports.json') && !file.includes('/resumed-'))
      finished.set(dirname(file), readFileSync(join(dirname(file), 'verdict.json'), 'utf8'));
  return finished;
}

// ---- verdicts ----

function countVerdicts(files) {
  const counts = {};
  const told = [];
  for (let done = 0, round = 0; done < runs; ++round) {
    const out = join(keep, `round-${round}`);
    const some = files.slice(0, runs - done);  // a matrix gives more than one run a file
    const report = JSON.parse(call(runArguments(some, round, out)).stdout);
    let bad = false;
    for (const result of report.results) {
      ++done;
      counts[result.verdict] = (counts[result.verdict] ?? 0) + 1;
      if (['PASS', 'SKIP'].includes(result.verdict)) continue;
      bad = true;
      told.push(`${result.verdict} ${result.file}${result.variant ? ' ' + result.variant : ''}: ${result.cause}`);
    }
    if (!bad) rmSync(out, {recursive: true});
    process.stderr.write(`\r${done} of ${runs}: ${JSON.stringify(counts)} load ${loadavg()[0].toFixed(1)}  `);
  }
  process.stderr.write('\n');
  for (const line of told) console.log(line);
  console.log(`verdicts on the ${options.clock} clock${options.busy ? ', busy host' : ''}: ${JSON.stringify(counts)}`);
  return !counts.FAIL && !counts.ERROR;
}

// ---- kills ----

/// A generator of numbers from 0 to 1 that a seed determines (mulberry32).
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/// Starts a run, kills it after so long and returns what is wrong with what is left, with a few figures.
async function killOnce(files, round, afterMs) {
  const place = join(keep, `kill-${round}`);
  const out = join(place, 'out');
  const env = {TMPDIR: join(place, 'tmp')};
  mkdirSync(env.TMPDIR, {recursive: true});
  const child = spawn(program, runArguments(files, round, out), {stdio: 'ignore', env: {...process.env, ...env}});
  const ended = new Promise(done => child.once('exit', (code, signal) => done(signal)));
  await Promise.race([sleep(afterMs), ended]);
  child.kill('SIGKILL');
  const killed = performance.now();
  const wrong = [];
  const wasKilled = await ended === 'SIGKILL';
  while (processesWith(place).length && performance.now() - killed < 20_000) await sleep(5);
  const goneMs = performance.now() - killed;
  if (goneMs > 2000) wrong.push(`processes were left for ${goneMs.toFixed(0)} ms: ${processesWith(place)}`);
  const figures = {wasKilled, goneMs, finished: -1, place};
  if (!existsSync(join(out, 'latest', 'invocation.json'))) return {...figures, wrong};
  const results = join(out, readlinkSync(join(out, 'latest')));
  for (const file of halfFiles(results)) wrong.push(`half a file: ${file}`);
  const finished = finishedRuns(results);
  figures.finished = finished.size;
  for (const [run, text] of finished) {
    if (!JSON.parse(text).verdict) wrong.push(`no verdict in ${run}`);
    for (const file of ['checks.json', 'stats.json'])
      if (!existsSync(join(run, file))) wrong.push(`${file} is missing in ${run}`);
  }
  const resumed = call(['run', '--resume', results], env);
  if (resumed.status !== 0) wrong.push(`resume exited with ${resumed.status}: ${resumed.stdout}${resumed.stderr}`);
  for (const [run, text] of finished)
    if (readFileSync(join(run, 'verdict.json'), 'utf8') !== text) wrong.push(`resume changed ${run}`);
  if (finishedRuns(results).size < files.length) wrong.push('resume left scenarios without results');
  if (readdirSync(env.TMPDIR).length) wrong.push(`left in TMPDIR: ${readdirSync(env.TMPDIR)}`);
  return {...figures, wrong};
}

async function killOften(files) {
  let wholeMs = 0;
  for (let time = 0; time < 2; ++time) {  // the first makes the templates
    const begun = performance.now();
    const whole = call(runArguments(files, 0, join(keep, 'whole')));
    wholeMs = performance.now() - begun;
    if (whole.status !== 0) throw new Error(`the run that nobody kills exits with ${whole.status}: ${whole.stderr}`);
    rmSync(join(keep, 'whole'), {recursive: true});
  }
  console.log(`${files.length} files; a run that nobody kills takes ${(wholeMs / 1000).toFixed(1)} s`);
  const random = randomFrom(Number(options.seed));
  const finishedWhenKilled = new Map();
  let slowest = 0, bad = 0, early = 0;
  for (let round = 0; round < runs; ++round) {
    const afterMs = random() * wholeMs;
    const {wrong, wasKilled, goneMs, finished, place} = await killOnce(files, round, afterMs);
    if (!wasKilled) ++early;
    slowest = Math.max(slowest, goneMs);
    finishedWhenKilled.set(finished, (finishedWhenKilled.get(finished) ?? 0) + 1);
    for (const text of wrong) console.log(`kill ${round}, after ${afterMs.toFixed(0)} ms: ${text}`);
    if (wrong.length) ++bad; else rmSync(place, {recursive: true});
    process.stderr.write(`\r${round + 1} of ${runs}, ${bad} bad, load ${loadavg()[0].toFixed(1)}  `);
  }
  process.stderr.write('\n');
  const spread = [...finishedWhenKilled].sort(([a], [b]) => a - b).map(([count, times]) =>
    `${times} times ${count < 0 ? 'no results directory yet' : `${count} finished`}`);
  console.log(`${runs} kills${options.busy ? ' on a busy host' : ''}: ${bad} left something wrong; ${early} runs had ended ` +
              `before; all processes were gone after at most ${slowest.toFixed(0)} ms; ${spread.join(', ')}`);
  return bad === 0;
}

const busy = options.busy
  ? cpus().map(() => spawn(process.execPath, ['-e', 'for (;;);'], {stdio: 'ignore'}))
  : [];
let good = false;
try {
  const files = selectFiles();
  good = mode === 'verdicts' ? countVerdicts(files) : await killOften(files);
} finally {
  for (const loop of busy) loop.kill('SIGKILL');
  if (good && !options.keep) rmSync(keep, {recursive: true});
}
if (!good) console.log(`what went wrong is in ${keep}`);
process.exit(good ? 0 : 1);
