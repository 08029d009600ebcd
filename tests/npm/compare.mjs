// The comparison behind run.sh: each case is a list of files that `isolate run` and reference.mjs evaluate.
// Exits 0 only if at least one case ran and every one printed the same bytes and ended with code 0 on both sides.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

const here = import.meta.dirname;
const repository = path.resolve(here, '../..');
const isolate = findIsolate();
process.chdir(here);
mkdirSync('.work', { recursive: true });

const bundles = {
  marked: 'node_modules/marked/lib/marked.umd.js',
  acorn: 'node_modules/acorn/dist/acorn.js',
  lodash: 'node_modules/lodash/lodash.js',
  ajv: 'node_modules/ajv/dist/ajv.bundle.js',
};

// The driver of a package, after the script that hands it its input (`globalThis.INPUT`) where it wants one.
const drivers = {
  marked: [inputScript('marked', 'node_modules/ajv/README.md'), 'drivers/marked.js'],
  acorn: [inputScript('acorn', 'node_modules/lodash/lodash.js'), 'drivers/acorn.js'],
  ajv: ['drivers/ajv.js'],
  lodash: ['drivers/lodash.js'], // the one with timers, so it must be the last in the combined case
};

const cases = [
  ...Object.keys(drivers).map((name) => ({ name, packages: [name], files: [bundles[name], ...drivers[name]] })),
  {
    name: 'combined',
    packages: Object.keys(bundles),
    files: [...Object.values(bundles), ...Object.values(drivers).flat()],
  },
  // Files that parse only as modules. Alone, a library prints nothing; it must still load.
  { name: 'acorn.mjs', packages: ['acorn'], files: ['node_modules/acorn/dist/acorn.mjs'], silent: true },
  { name: 'marked.esm.js', packages: ['marked'], files: ['node_modules/marked/lib/marked.esm.js'], silent: true },
  {
    name: 'esm',
    packages: ['acorn', 'marked'],
    files: ['node_modules/acorn/dist/acorn.mjs', 'node_modules/marked/lib/marked.esm.js', 'drivers/esm.js'],
  },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !cases.some((each) => each.name === name));
if (unknown.length > 0) {
  console.error(`no such case: ${unknown.join(', ')} (there are ${cases.map((each) => each.name).join(', ')})`);
  process.exit(2);
}

const rows = [];
for (const each of cases) {
  if (wanted.length === 0 || wanted.includes(each.name)) rows.push(compare(each));
}

printTable(
  ['case', 'packages', 'files', 'source', 'output', 'result', 'isolate', 'node'],
  rows.map((row) => [
    row.name,
    row.packages.map((name) => `${name}@${version(name)}`).join(' '),
    row.files.length,
    `${row.files.reduce((sum, file) => sum + statSync(file).size, 0)} B`,
    `${row.reference.stdout.length} B`,
    row.problem ? 'DIFFERENT' : 'same',
    `${Math.round(row.ours.ms)} ms`,
    `${Math.round(row.reference.ms)} ms`,
  ]),
);

for (const row of rows.filter((each) => each.problem)) {
  console.log(`\n${row.name}: ${row.problem}`);
  console.log(`  ${[isolate, ...runWithLimits(row), ...row.files].join(' ')}   (in ${path.relative(repository, here)})`);
  if (row.ours.stderr.length > 0) console.log(indent(head(row.ours.stderr.toString(), 20)));
  if (row.reference.code !== '0') console.log(indent(head(row.reference.stderr.toString(), 20)));
  if (!row.ours.stdout.equals(row.reference.stdout)) console.log(indent(head(diff(row), 40)));
}

const different = rows.filter((row) => row.problem).length;
console.log(`\n${rows.length - different} of ${rows.length} the same`);
process.exit(rows.length > 0 && different === 0 ? 0 : 1);

function compare(each) {
  const reference = run(process.execPath, ['--experimental-vm-modules', '--no-warnings', 'reference.mjs', ...each.files]);
  const ours = run(isolate, [...runWithLimits(), ...each.files]);
  return { ...each, reference, ours, problem: problem(each, reference, ours) };
}

// Time enough on any machine: how long it takes is printed, and nothing is made of it.
function runWithLimits() {
  const engine = process.env.ISOLATE_ENGINE;
  return ['run', ...(engine ? ['--engine', engine] : []), '--memory', '64M', '--timeout', '120s'];
}

function problem(each, reference, ours) {
  if (reference.code !== '0') return `Node itself ended with ${reference.code}`;
  if (ours.code !== '0') return `isolate ended with ${ours.code}`;
  if (!ours.stdout.equals(reference.stdout)) {
    const at = ours.stdout.findIndex((byte, index) => byte !== reference.stdout[index]);
    const offset = at < 0 ? ours.stdout.length : at;
    return `output differs from byte ${offset} on (${ours.stdout.length} bytes here, ${reference.stdout.length} in Node)`;
  }
  // Two empty outputs are equal as well, but prove nothing unless silence is what the case is about.
  if (each.silent && reference.stdout.length > 0) return 'printed something, and was expected not to';
  if (!each.silent && reference.stdout.length === 0) return 'printed nothing, so nothing was compared';
  return null;
}

function run(command, args) {
  const start = performance.now();
  const result = spawnSync(command, args, { maxBuffer: 1 << 28, timeout: 150_000 });
  const ms = performance.now() - start;
  if (result.error && result.error.code !== 'ETIMEDOUT') {
    console.error(`cannot run ${command}: ${result.error.message}`);
    process.exit(2);
  }
  const code = result.error ? 'no end within 150 seconds' : (result.signal ?? String(result.status));
  return { code, ms, stdout: result.stdout, stderr: result.stderr };
}

function diff(row) {
  const names = ['node', 'isolate'].map((side) => `.work/${row.name}.${side}.txt`);
  writeFileSync(names[0], row.reference.stdout);
  writeFileSync(names[1], row.ours.stdout);
  const result = spawnSync('diff', ['-u', '--text', ...names], { maxBuffer: 1 << 28 });
  return result.error ? `compare ${names.join(' and ')}` : result.stdout.toString();
}

function inputScript(name, source) {
  const file = `.work/input-${name}.js`;
  writeFileSync(file, `globalThis.INPUT = ${JSON.stringify(readFileSync(source, 'utf8'))};\n`);
  return file;
}

function version(name) {
  return JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;
}

function findIsolate() {
  const given = process.env.ISOLATE;
  if (given) return given.includes('/') ? path.resolve(given) : given;
  const built = ['release', 'debug'].map((profile) => path.join(repository, 'target', profile, 'isolate'));
  const found = built.find((file) => existsSync(file));
  if (found) return found;
  console.error(`no isolate binary: build one, or set ISOLATE (looked for ${built.join(' and ')})`);
  process.exit(2);
}

function printTable(header, body) {
  const lines = [header, ...body].map((line) => line.map(String));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const rightAligned = new Set(['files', 'source', 'output', 'isolate', 'node']);
  for (const line of lines) {
    const cells = line.map((cell, column) =>
      rightAligned.has(header[column]) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]));
    console.log(cells.join('  ').trimEnd());
  }
}

function head(text, count) {
  const lines = text.split('\n');
  const shown = lines.slice(0, count).map((line) => (line.length > 160 ? `${line.slice(0, 160)}…` : line));
  return lines.length > count ? [...shown, `… ${lines.length - count} more lines`].join('\n') : shown.join('\n');
}

function indent(text) {
  return text.trimEnd().replace(/^/gm, '    ');
}
