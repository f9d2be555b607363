// What editors make of scenarios, against what `ktstr-interp lint` says:
//   node check.mjs --bin KTSTR_INTERP --schema SCHEMA_JSON --fixtures DIR [--scenarios DIR]
//
// DIR/good/*.yaml and all scenarios: no complaint from lint, from ajv or from yaml-language-server.
// DIR/bad/*.yaml: one mistake each. lint names a line; the language server marks that very line, and ajv
// refuses the file. A bad file with a line `# only lint sees this` must pass both instead.
// Then completion and hover. Prints a line for each disagreement and exits 1 when there is any.
import {execFileSync} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {parseArgs} from 'node:util';
import Ajv from 'ajv';
import YAML from 'yaml';
import {LanguageServer} from './language_server.mjs';

const {values: options} = parseArgs({options: {
  bin: {type: 'string'}, schema: {type: 'string'}, fixtures: {type: 'string'}, scenarios: {type: 'string'}}});
const schemaText = readFileSync(options.schema, 'utf8');
const schema = JSON.parse(schemaText);
const validate = new Ajv({strict: false, allErrors: true}).compile(schema);

const faults = [];
let checks = 0;
function expect(holds, message) {
  ++checks;
  if (!holds) faults.push(message);
}

function yamlFiles(folder) {
  return readdirSync(folder, {withFileTypes: true, recursive: true})
      .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
}

/// What `lint` finds in a file: [{line, message, ...}]. It exits with 2 when there is anything.
function lint(path) {
  let out;
  try {
    out = execFileSync(options.bin, ['lint', '--format', 'json', path], {stdio: ['ignore', 'pipe', 'inherit']});
  } catch (error) {
    if (error.stdout === undefined || error.status === null || error.status >= 64) throw error;
    out = error.stdout;
  }
  return JSON.parse(out.toString());
}

/// ajv's complaints, or null when the YAML itself is wrong.
function ajvErrors(text) {
  const document = YAML.parseDocument(text, {version: '1.2', merge: true, uniqueKeys: true});
  if (document.errors.length > 0) return null;
  return validate(document.toJS()) ? [] : validate.errors;
}

async function checkGood(server, path) {
  const text = readFileSync(path, 'utf8');
  const found = lint(path);
  expect(found.length === 0, `${path}: lint complains of a good file: ${found[0]?.message}`);
  const errors = ajvErrors(text);
  expect(errors?.length === 0, `${path}: ajv complains of a good file: ${JSON.stringify(errors?.[0])}`);
  const marks = await server.open(pathToFileURL(path).href, text);
  expect(marks.length === 0,
         `${path}:${marks[0]?.range.start.line + 1}: the editor marks a good file: ${marks[0]?.message}`);
}

async function checkBad(server, path) {
  const text = readFileSync(path, 'utf8');
  const found = lint(path);
  const errors = ajvErrors(text);
  const marks = await server.open(pathToFileURL(path).href, text);
  expect(found.length === 1, `${path}: lint should find one fault, not ${found.length}`);
  if (text.includes('\n# only lint sees this\n')) {
    expect(errors?.length === 0, `${path}: ajv sees it too: ${JSON.stringify(errors?.[0])}`);
    expect(marks.length === 0, `${path}: the editor sees it too: ${marks[0]?.message}`);
    return;
  }
  expect(errors === null || errors.length > 0, `${path}: ajv accepts a bad file`);
  expect(marks.length > 0, `${path}: the editor does not mark a bad file`);
  for (const {line, message} of found) {
    const lines = marks.map((mark) => mark.range.start.line + 1);
    expect(lines.includes(line),
           `${path}: lint names line ${line} (${message}); the editor marks ${
               marks.map((mark) => `line ${mark.range.start.line + 1} (${mark.message})`).join(', ')}`);
  }
}

/// Completion and hover in `text`, at the place of the character '|' in it.
async function at(server, name, text, method) {
  const offset = text.indexOf('|');
  const before = text.slice(0, offset);
  const uri = pathToFileURL(resolve(name)).href;
  await server.open(uri, before + text.slice(offset + 1));
  const position = {line: before.split('\n').length - 1, character: before.length - before.lastIndexOf('\n') - 1};
  return server.request(method, {textDocument: {uri}, position});
}

async function checkHelp(server) {
  const ops = schema.definitions['any Op'].properties;
  const head = 'version: 1\ndescription: d\n';
  const labels = async (name, text) =>
      (await at(server, name, text, 'textDocument/completion')).items.map((item) => item.label);

  const offered = await labels('complete-op.yaml', `${head}steps:\n  - name: a\n    ops:\n      - |\n`);
  for (const op of Object.keys(ops)) expect(offered.includes(op), `completion inside ops: does not offer ${op}`);
  const again = await labels('complete-next.yaml', `${head}steps:\n  - ops:\n      - AddCgroup: {name: a}\n      - S|\n`);
  expect(again.includes('SetCpuset'), 'completion of a second Op does not offer SetCpuset');
  const types = await labels('complete-type.yaml',
                             `${head}steps:\n  - cgroups:\n      - name: a\n        work:\n          - type: |\n`);
  expect(types.includes('SpinWait'), `completion of type: does not offer SpinWait, but ${types}`);
  const presets = schema.definitions.Topology.defaultSnippets;
  for (const [where, line] of [['value', 'topology: |\n'], ['item', 'matrix:\n  topology:\n    - |\n']]) {
    const items = (await at(server, `complete-preset-${where}.yaml`, head + line, 'textDocument/completion')).items;
    for (const {label, description} of presets)
      expect(items.some((item) => item.label === label && item.documentation === description &&
                                  item.textEdit.newText === label),
             `completion of a topology's ${where} does not offer ${label} with what it is`);
  }
  const keys = await labels('complete-key.yaml', `${head}|\n`);
  expect(keys.includes('topology'), 'completion at the top does not offer topology');

  const hover = async (name, text) => {
    const answer = await at(server, name, text, 'textDocument/hover');
    return answer === null ? '' : String(answer.contents.value ?? answer.contents);
  };
  const shown = await hover('hover-op.yaml',
                            `${head}steps:\n  - ops:\n      - SetCp|uset: {cgroup: a, cpus: 0-1}\n`);
  const doc = schema.definitions.SetCpuset.description;
  expect(shown.replaceAll('\\', '').includes(doc), `hover over SetCpuset shows "${shown}", not "${doc}"`);
  const argument = await hover('hover-argument.yaml',
                               `${head}steps:\n  - ops:\n      - SetCpuset: {cgr|oup: a, cpus: 0-1}\n`);
  expect(argument.includes(schema.definitions.SetCpuset.properties.cgroup.description),
         `hover over an argument shows "${argument}"`);
}

expect(!schemaText.includes('"oneOf"') && !schemaText.includes('"anyOf"'), 'the schema holds oneOf or anyOf');
// The command line tool accepts the schema too, as others will use it.
execFileSync(process.execPath, [createRequire(import.meta.url).resolve('ajv-cli/dist/index.js'), 'compile', '--strict=false',
                                '-s', options.schema], {stdio: ['ignore', 'ignore', 'inherit']});

const good = yamlFiles(join(options.fixtures, 'good'));
if (options.scenarios) good.push(...yamlFiles(options.scenarios));
const bad = yamlFiles(join(options.fixtures, 'bad'));
expect(good.length > 0 && bad.length > 0, 'no fixtures');
const server = await LanguageServer.start(pathToFileURL(resolve(options.schema)).href);
try {
  await Promise.all(good.map((path) => checkGood(server, resolve(path))));
  await Promise.all(bad.map((path) => checkBad(server, resolve(path))));
  await checkHelp(server);
  await server.stop();
} finally {
  server.kill();
}
for (const fault of faults) console.log(fault);
console.log(`${good.length} good and ${bad.length} bad files, ${checks} checks, ${faults.length} failed`);
process.exit(faults.length === 0 ? 0 : 1);
