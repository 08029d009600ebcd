// The path module in the sandbox against that of Node 20: the same calls, and the same results and errors.
//
//   node crates/isolate-path/tests/differential.mjs target/release/isolate [engine] [seed]
//
// Fails on the first run with differences, and prints some of them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import nodePath, { join, resolve } from 'node:path';

const [, , given, engine = 'quickjs', seed = '1'] = process.argv;
if (!process.version.startsWith('v20.')) throw new Error('this compares with Node 20, not with ' + process.version);
const command = resolve(given);
process.removeAllListeners('warning');
process.on('warning', () => {});
process.chdir('/');

// Runs in both: makes the calls, and tells what came out.
const work = (path, seed, rounds) => {
  let state = seed >>> 0;
  const random = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
  const pick = (all) => all[random(all.length)];
  const pieces = [
    '', '.', '..', '...', '....', '/', '//', '///', '\\', '\\\\', 'a', 'b', 'ab', 'foo', 'bar', 'index.html', '.profile', '.x.',
    'a.', 'a.b.c', '..a', 'a..', '. ', ' ', 'C:', 'c:', 'C:\\', 'c:/', 'D:', 'Z:x', '1:', ':', '::', '\\\\server\\share', '//server/share',
    '\\\\?\\C:\\', '\\\\.\\pipe', '\\\\?\\UNC\\', '//./', '//?/', 'CON', 'con:', 'NUL:', 'COM1', 'LPT9:', 'COM\xb9:', 'é', 'İ', 'ß',
    '\u{1f600}', '\ud800', '\u0000', 'node_modules', '-', '~', '*', '?', '%2e', 'A', 'B', 'FOO', 'Foo.HTML', 'file.tar.gz', '.gitignore',
  ];
  const text = () => {
    let out = '';
    for (let n = random(random(4) === 0 ? 9 : 5); n >= 0; n--) {
      out += pick(pieces);
      if (random(2) === 0) out += pick(['/', '\\', '/', '\\', '.', '']);
    }
    return out;
  };
  class Named {}
  const others = () => pick([
    undefined, null, 0, -0, 1.5, NaN, true, false, 10n, Symbol('s'), Symbol(), {}, [], [1, 2], () => {}, function named() {},
    class K {}, new Named(), Object.create(null), new Date(0), /x/, new Map(), new String('x'), 'x'.repeat(60).length,
    123456789012345678901234567890n, Object.assign(Object.create(null), { a: 1 }), new (class extends Array {})(), Promise.resolve(),
  ]);
  const argument = () => (random(40) === 0 ? others() : text());
  const parsed = () => {
    if (random(12) === 0) return others();
    const object = {};
    for (const key of ['root', 'dir', 'base', 'ext', 'name']) {
      if (random(2) === 0) object[key] = random(20) === 0 ? pick([undefined, null, 0, 5, '', true, false]) : random(3) === 0 ? text() : pick(pieces);
    }
    if (random(4) === 0) object.dir = object.root;
    return object;
  };
  const globPieces = [
    '*', '**', '?', '[a-c]', '[!a]', '[^b-z]', '[[:alpha:]]', '[]', '[a', 'a', 'b', 'ab', '.', '..', '.a', '{a,b}', '{a,{b,c}}', '{1..3}', '{a..c}',
    '{,a}', '{a', 'a}', '@(a|b)', '!(a)', '+(a|b)', '*(a)', '?(ab)', '@(', ')', '|', '!(a|b)', '*.js', '.*', 'x.js', '**/', '/**', '!', '#', '@(.a|b)', '*(*.js|b)',
    '{01..3}', '{3..1..2}', '$', '!(*.js)', '..*', '*.*', '.?', '??',
  ];
  const globs = () => {
    let out = '';
    for (let n = random(5); n >= 0; n--) {
      out += pick(globPieces);
      if (random(2) === 0) out += pick(['/', '/', '\\']);
    }
    return out;
  };
  const names = ['a', 'b', 'ab', 'aa', 'abc', 'c', '.a', '.', '..', 'x.js', 'a.js', '.js', 'ab.b', '1', '2', '01', 'C:', '', '{a', 'a}', '!a', '#', '...', 'a.b.js', '@(a', '$', '..a'];
  const file = () => {
    let out = random(4) === 0 ? pick(['/', '//', './', '\\\\']) : '';
    for (let n = random(4); n >= 0; n--) {
      out += pick(names);
      if (n > 0 || random(5) === 0) out += pick(['/', '/', '/', '\\', '//']);
    }
    return out;
  };
  const known = ['resolve', 'normalize', 'isAbsolute', 'join', 'relative', 'toNamespacedPath', 'dirname', 'basename', 'extname', 'format', 'parse', 'matchesGlob'];
  const show = (value) => (typeof value === 'string' ? JSON.stringify(value)
    : typeof value === 'object' && value !== null && !Array.isArray(value) ? '{' + Object.keys(value).map((k) => k + ':' + show(value[k])).join() + '}'
      : typeof value === 'function' ? 'function ' + value.name : Array.isArray(value) ? '[' + value.length + ']' : typeof value === 'symbol' ? String(value) : typeof value + ' ' + value);
  const shown = (value) => { try { return show(value); } catch (e) { return 'unshowable'; } };
  const out = [];
  for (const flavor of ['posix', 'win32']) {
    const module = path[flavor];
    for (const key of Reflect.ownKeys(module)) {
      const value = module[key];
      out.push([flavor + '.' + key, typeof value === 'function' ? value.name + ' ' + value.length : shown(typeof value === 'string' ? value : typeof value)]);
    }
    for (const name of known) {
      for (let i = 0; i < rounds; i++) {
        let args;
        if (name === 'format') args = [parsed()];
        else if (name === 'matchesGlob') args = random(40) === 0 ? [argument(), argument()] : [file(), globs()];
        else if (name === 'resolve' || name === 'join') args = Array.from({ length: random(4) }, argument);
        else if (name === 'relative') {
          const from = argument();
          // Often near to each other.
          args = [from, random(2) === 0 && typeof from === 'string' ? from.slice(0, random(from.length + 1)) + text() : argument()];
          if (random(2) === 0) args.reverse();
        } else if (name === 'basename' && random(2) === 0) {
          const path = argument();
          args = [path, random(2) === 0 && typeof path === 'string' ? path.slice(random(path.length + 1)) : argument()];
        } else args = [argument()];
        let result;
        try {
          result = shown(module[name](...args));
        } catch (e) {
          // Messages of the language's own errors are each engine's.
          result = 'throws ' + e.name + ' ' + e.code + (e.code === undefined ? '' : ' ' + e.message);
        }
        out.push([flavor + '.' + name + '(' + args.map(shown).join(', ') + ')', result]);
      }
    }
  }
  return out;
};

const rounds = 1500;
const theirs = work(nodePath, Number(seed), rounds);
const scratch = mkdtempSync(join(tmpdir(), 'isolate-path-'));
let ours;
try {
  const file = join(scratch, 'work.js');
  writeFileSync(file, `for (const line of (${work})(path, ${seed}, ${rounds})) console.log(JSON.stringify(line));`);
  const text = execFileSync(command, ['run', '--engine', engine, '--memory', '1G', '--timeout', '120s', file], { maxBuffer: 1 << 28 });
  ours = text.toString().trimEnd().split('\n').map((line) => JSON.parse(line));
} finally {
  rmSync(scratch, { recursive: true });
}
let different = 0, unparsable = 0;
const counts = {};
for (let i = 0; i < Math.max(theirs.length, ours.length); i++) {
  const [call, expected] = theirs[i] ?? [], [same, got] = ours[i] ?? [];
  // Lone surrogates are printed as U+FFFD.
  if (JSON.stringify([call, expected]).toWellFormed() === JSON.stringify([same, got]).toWellFormed()) continue;
  // Node's translation of globs to regular expressions makes some that do not parse: [[:alpha:]]#.
  if (expected.startsWith('throws SyntaxError') && call.includes('matchesGlob')) {
    unparsable++;
    continue;
  }
  different++;
  const name = String(call).split('(')[0];
  counts[name] = (counts[name] ?? 0) + 1;
  if (counts[name] <= 6) console.log(`${call}\n  Node:    ${expected}\n  Isolate: ${call === same ? got : 'another call: ' + same}`);
}
console.log(`path on ${engine}: ${theirs.length} calls, ${different} differences from Node ${process.version}, and ` +
  `${unparsable} globs that Node cannot parse`, different > 0 ? counts : '');
process.exitCode = different > 0 || theirs.length < 20000 ? 1 : 0;
