// Runs the drivers of ESM packages in `isolate run` and in Node, and compares what they print; then the test suite that zod
// brings along under `isolate test`, and compares which of its tests fail with what is expected.
//
//   node tests/npm/esm/run.mjs            everything
//   node tests/npm/esm/run.mjs --update   write what the suite came to into suite.ENGINE.txt
//
// ISOLATE names the binary, ISOLATE_ENGINE the engine (quickjs). Packages are pinned in package-lock.json.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

process.chdir(import.meta.dirname);
const repository = path.resolve('../../..');
const engine = process.env.ISOLATE_ENGINE ?? 'quickjs';
const isolate = path.resolve(repository, process.env.ISOLATE ?? 'target/release/isolate');
const installed = 'node_modules/.package-lock.json';
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs) {
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] });
  if (npm.status !== 0) process.exit(2);
}

const run = (command, args) => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, TZ: 'UTC' } });
  return { status, stdout, stderr };
};
let same = 0, failed = 0;
for (const file of readdirSync('drivers').sort()) {
  const ours = run(isolate, ['run', '--engine', engine, '--root', '.', `drivers/${file}`]);
  const node = run(process.execPath, [`drivers/${file}`]);
  if (ours.status === 0 && node.status === 0 && ours.stdout === node.stdout && node.stdout.length > 3) {
    same += 1;
  } else {
    failed += 1;
    console.log(`${file}: isolate ended with ${ours.status}, Node with ${node.status}\n--- isolate\n${ours.stdout}${ours.stderr}--- Node\n${node.stdout}${node.stderr}`);
  }
}
console.log(`${same} packages print the same in isolate (${engine}) and in Node, ${failed} do not`);

const suite = run(isolate, ['test', '--engine', engine, '--root', '.', '--timeout', '120s', '--json', 'node_modules/zod/src/v4']);
const results = JSON.parse(suite.stdout);
const lines = [];
for (const file of results.files) {
  const name = file.file.replace('node_modules/zod/src/v4/', '');
  if (file.tests.length === 0) {
    const why = file.errors[0]?.message ?? 'no tests';
    // The message holds a path and a place, which a new version may change.
    lines.push(`${name}: not run (${/cannot import '([^']+)'/.exec(why)?.[1] ?? why.split('\n')[0]})`);
  }
  for (const test of file.tests) if (test.status === 'failed') lines.push(`${name}: ${[...test.suites, test.name].join(' > ')}`);
}
const ran = results.files.filter((f) => f.tests.length > 0).length;
lines.unshift(`zod ${JSON.parse(readFileSync('node_modules/zod/package.json', 'utf8')).version}: ${results.passed} tests of ${ran} files pass, ${results.failed} fail; ${results.files.length - ran} files do not run`);
const text = lines.join('\n') + '\n';
console.log(lines[0]);
const expected = `suite.${engine}.txt`;
if (process.argv.includes('--update')) {
  writeFileSync(expected, text);
} else if (!existsSync(expected) || readFileSync(expected, 'utf8') !== text) {
  console.log(`this is not what ${expected} says:\n${text}`);
  failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
