// Compares the glue's inspect, format and console with Node's own, case by case.
//
//   node differential.mjs            all runs; exits 1 on a difference that is not in KNOWN
//   node differential.mjs --dump     the cases with what they must print, as JSON (for tests on other engines): kind,
//                                    source, options, expected (null: any text, but no throw); with `frames`, stack
//                                    frames are cut out of `expected`, and must be out of what is printed, by
//                                    /\n +at (?:[^\n(]*\([^\n)]*\)|[^\n]*?:\d+:\d+)/g; with `preview`, the engine must
//                                    have previewEntries
//   node differential.mjs --fuzz N   N random values besides (default 2000)
//
// The runs: plain; with every builtin poisoned after the glue was made; with them poisoned before it was made (it loads
// at its first use). Needs Node 20, whose output it is that we print.
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import vm from 'node:vm';

const self = fileURLToPath(import.meta.url);
if (!process.execArgv.includes('--expose-internals')) {
  const run = spawnSync(process.execPath, ['--expose-internals', '--no-warnings', self, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(run.status ?? 1);
}
if (!process.version.startsWith('v20.')) {
  console.error(`this compares with Node 20, not ${process.version}`);
  process.exit(2);
}

const require = createRequire(import.meta.url);
const { internalBinding } = require('internal/test/binding');
const binding = internalBinding('util');
const cases = require('./inspect-cases.js');
const source = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const PRIMORDIALS = source('../primordials.js');
const INSPECT = source('../inspect.js');
const CONSOLE = source('../../../../isolate-console/src/console.js');

Error.stackTraceLimit = 1;

// Where we mean to differ, or must: a case to what we print, and why.
const KNOWN = new Map([
  ['inspect Object.setPrototypeOf(new DataView(new ArrayBuffer(1)), null)', ['[DataView: null prototype] {\n  byteLength: 1,\n  byteOffset: 0,\n  buffer: ArrayBuffer { [Uint8Contents]: <00>, byteLength: 1 }\n}', 'Node reads the getters of the prototype that is not there']],
  ['inspect class A extends (class B {}) {}', ['[class A extends B]', 'Node takes it for a method, because of the parenthesis']],
  ['inspect (() => { class Foo {} const o = new Foo(); Object.setPrototypeOf(o, null); return o; })()', ['[Object: null prototype] {}', 'V8 keeps a name that the language does not show']],
  ['inspect Object.setPrototypeOf([1], {})', ['Object(1) [ 1 ]', 'what holds items is printed with them, iterable or not']],
  ['inspect Object.setPrototypeOf(new Map([[1, 2]]), {})', ['Object(1) { 1 => 2 }', 'what holds items is printed with them, iterable or not']],
  ['inspect Object.assign(new Error("x"), { stack: { a: 1 } })', ['[Error: x]', 'a stack that is no string is as good as none']],
  ['inspect new (class A { static name() {} })()', ['A {}', 'the class name is in the source']],
  ['inspect class A { static get name() { return "q"; } }', ['[class A]', 'getters are not called for names']],
  ['inspect Object.defineProperty(/x/g, "flags", { value: "zzz" })', ['/x/g', 'what the expression is, not what it says of itself']],
  ['inspect ({ __proto__: null, [Symbol.toStringTag]: "T" }) with { showHidden: true }', ["[Object: null prototype] { [Symbol(Symbol.toStringTag)]: 'T' }", 'V8 keeps a name that the language does not show']],
]);

// ---- the engine's introspection, from Node's ----

const { types } = util;
const deref = WeakRef.prototype.deref;
const typedTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

function classOf(value) {
  if (types.isProxy(value)) return 'Proxy';
  if (typeof value === 'function') {
    if (types.isGeneratorFunction(value)) return types.isAsyncFunction(value) ? 'AsyncGeneratorFunction' : 'GeneratorFunction';
    return types.isAsyncFunction(value) ? 'AsyncFunction' : 'Function';
  }
  if (Array.isArray(value)) return 'Array';
  if (types.isNativeError(value)) return 'Error';
  if (types.isDate(value)) return 'Date';
  if (types.isRegExp(value)) return 'RegExp';
  if (types.isMap(value)) return 'Map';
  if (types.isSet(value)) return 'Set';
  if (types.isWeakMap(value)) return 'WeakMap';
  if (types.isWeakSet(value)) return 'WeakSet';
  if (types.isPromise(value)) return 'Promise';
  if (types.isArrayBuffer(value)) return 'ArrayBuffer';
  if (types.isSharedArrayBuffer(value)) return 'SharedArrayBuffer';
  if (types.isDataView(value)) return 'DataView';
  if (types.isTypedArray(value)) return typedTag.call(value);
  if (types.isNumberObject(value)) return 'Number';
  if (types.isStringObject(value)) return 'String';
  if (types.isBooleanObject(value)) return 'Boolean';
  if (types.isSymbolObject(value)) return 'Symbol';
  if (types.isBigIntObject(value)) return 'BigInt';
  if (types.isArgumentsObject(value)) return 'Arguments';
  if (types.isGeneratorObject(value)) return binding.getConstructorName(value) === 'AsyncGenerator' ? 'AsyncGenerator' : 'Generator';
  if (types.isMapIterator(value)) return 'Map Iterator';
  if (types.isSetIterator(value)) return 'Set Iterator';
  if (types.isModuleNamespaceObject(value)) return 'Module';
  // Only where it may be one: the message of the error below takes long for a long chain of prototypes.
  const parent = Object.getPrototypeOf(value);
  if (parent === null || types.isProxy(parent) || !Object.hasOwn(parent, 'deref')) return 'Object';
  try {
    deref.call(value);
    return 'WeakRef';
  } catch {
    return 'Object';
  }
}

const engine = {
  __proto__: null,
  classOf,
  promiseState(promise) {
    const [state, result] = binding.getPromiseDetails(promise);
    return [state, result];
  },
  proxyDetails(proxy) {
    const [target, handler] = binding.getProxyDetails(proxy, true);
    return [target, handler];
  },
  previewEntries(value) {
    const entries = binding.previewEntries(value, true);
    return types.isWeakSet(value) || types.isWeakMap(value) ? [entries[0] ?? entries, types.isWeakMap(value)] : entries;
  },
};

// ---- realms ----

// Replaces every method and accessor of every builtin, every global, and puts accessors where careless glue would hit
// them: at indices of Array.prototype and at the names in property descriptors.
const POISON = `(() => {
  const RealError = Error;
  const bad = function () { throw new RealError('poisoned'); };
  const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const names = Reflect.ownKeys(globalThis).filter((key) => typeof key === 'string' && (/^[A-Z]/.test(key) || /^(parse|is|eval|escape|unescape|encode|decode)/.test(key)));
  const targets = new Set();
  const add = (object) => {
    if (object !== null && (typeof object === 'object' || typeof object === 'function')) targets.add(object);
  };
  for (const name of names) {
    const value = globalThis[name];
    add(value);
    if (typeof value === 'function') add(value.prototype);
  }
  for (const object of [
    [].values(), new Map().values(), new Set().values(), ''[Symbol.iterator](), ''.matchAll(/x/g), (function* () {})(), (async function* () {})(),
    new Uint8Array(1), Uint8Array.from, async () => {}, function* () {}, async function* () {}, new Uint8Array(1).constructor,
  ]) {
    for (let p = getPrototypeOf(object); p !== null && p !== Object.prototype; p = getPrototypeOf(p)) add(p);
  }
  const changes = [];
  for (const target of targets) {
    const isError = target === Error.prototype || getPrototypeOf(target) === Error.prototype;
    for (const key of Reflect.ownKeys(target)) {
      // What things are called, they may say.
      if (key === 'constructor' || key === 'prototype' || key === Symbol.toStringTag || key === '__proto__') continue;
      if (typeof target === 'function' && (key === 'name' || key === 'length' || key === 'stackTraceLimit')) continue;
      if (isError && (key === 'name' || key === 'message')) continue;
      const descriptor = getOwnPropertyDescriptor(target, key);
      if (!descriptor.configurable) continue;
      if (descriptor.get !== undefined || descriptor.set !== undefined) changes.push([target, key, { __proto__: null, get: bad, set: bad }]);
      else changes.push([target, key, { __proto__: null, value: typeof descriptor.value === 'function' ? bad : 0 }]);
    }
  }
  const accessor = { __proto__: null, get: bad, set: bad, configurable: true };
  for (const index of [0, 1, 2, 3, 7, 100]) {
    for (const target of [Array.prototype, String.prototype, Object.prototype]) changes.push([target, index, accessor]);
  }
  for (const key of ['get', 'set', 'value', 'writable', 'enumerable', 'configurable', 'depth', 'colors', 'index', 'input', 'groups', 'raw']) {
    changes.push([Object.prototype, key, accessor]);
  }
  for (const name of names) {
    if (getOwnPropertyDescriptor(globalThis, name).configurable) changes.push([globalThis, name, { __proto__: null, value: bad, writable: true, configurable: true }]);
  }
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i];
    defineProperty(change[0], change[1], change[2]);
  }
})()`;

class Realm {
  constructor({ lazy, introspection = engine }) {
    this.engine = introspection;
    this.context = vm.createContext({ __proto__: null }, { codeGeneration: { strings: true } });
    this.run("Error.stackTraceLimit = 1; 0");
    this.primordials = this.run(PRIMORDIALS)(Object.create(null), undefined);
    this.events = [];
    this.make = this.run(INSPECT);
    if (!lazy) this.load();
    const host = Object.create(null);
    host.__inspect = () => this.load();
    for (const name of ['log', 'assert', 'time', 'timeLog', 'timeEnd', 'count', 'countReset', 'group', 'groupEnd', 'clear']) {
      host[`__console_${name}`] = (...args) => void this.events.push([`__console_${name}`, ...args]);
    }
    this.loads = 0;
    // Glue is of no file, as in QuickJS.
    this.run(CONSOLE, '<null>')(host, this.primordials, this.engine);
    // As the core does when the guest first touches it.
    this.run("(value) => Object.defineProperty(globalThis, 'console', { value, writable: true, enumerable: false, configurable: true })")(
      this.primordials.loaded.console,
    );
    this.console = this.run('console');
  }

  load() {
    this.loads++;
    this.tools ??= this.make(Object.create(null), this.primordials, this.engine);
    return this.tools;
  }

  run(code, filename = 'case.js') {
    return vm.runInContext(code, this.context, { filename });
  }

  value(code) {
    return this.run(`(${code})`);
  }

  poison() {
    this.run(POISON);
  }
}

const mainValue = (code) => vm.runInThisContext(`(${code})`, { filename: 'case.js' });

function nodeTable(args) {
  let text = '';
  const stream = new Writable({ write(chunk, _, done) { text += chunk; done(); } });
  new Console({ stdout: stream, stderr: stream }).table(...args);
  return text.slice(0, -1);
}

// ---- the list ----

const list = [];
const flagsOf = (item) => (Array.isArray(item) ? item : [item]);
for (const item of cases.inspect) {
  const [code, flags] = flagsOf(item);
  list.push({ kind: 'inspect', source: code, ...flags });
}
for (const [code, options, flags] of cases.withOptions) list.push({ kind: 'inspect', source: code, options, ...flags });
for (const item of cases.format) {
  const [code, flags] = flagsOf(item);
  list.push({ kind: 'format', source: code, ...flags });
}
for (const code of cases.table) list.push({ kind: 'table', source: code });

function reference(test) {
  const value = mainValue(test.source);
  if (test.kind === 'inspect') return util.inspect(value, test.options === undefined ? {} : mainValue(test.options));
  if (test.kind === 'format') return util.format(...value);
  return nodeTable(value);
}

function prepare(realm, test) {
  const value = realm.value(test.source);
  const options = test.options === undefined ? undefined : realm.value(test.options);
  return () => {
    if (test.kind === 'inspect') return realm.load().inspect(value, options);
    if (test.kind === 'format') return realm.load().formatWithOptions(undefined, value);
    const text = realm.load().table(value[0], value.length > 1 ? value[1] : undefined);
    return text === undefined ? realm.load().formatWithOptions(undefined, [value[0]]) : text;
  };
}

const nameOf = (test) => `${test.kind} ${test.source}${test.options === undefined ? '' : ` with ${test.options}`}`;
let failures = 0;
let count = 0;
const used = new Set();

function report(run, name, expected, got) {
  failures++;
  console.log(`\n--- ${run}: ${name}\n  expected ${JSON.stringify(expected)}\n  printed  ${JSON.stringify(got)}`);
}

function attempt(fn) {
  try {
    return fn();
  } catch (error) {
    return `THREW ${typeof error === 'object' && error !== null ? error.stack ?? error.message : String(error)}`;
  }
}

function check(run, test, got) {
  count++;
  const known = KNOWN.get(nameOf(test));
  if (known !== undefined) {
    used.add(nameOf(test));
    if (got !== known[0]) report(run, `${nameOf(test)} (known: ${known[1]})`, known[0], got);
    else if (got === test.node) report(run, `${nameOf(test)} is as Node prints it: not a known difference`, known[0], got);
    return;
  }
  if (got !== test.node) report(run, nameOf(test), test.node, got);
}

for (const test of list) test.node = attempt(() => reference(test));

const frames = (text) => text.replace(/\n +at (?:[^\n(]*\([^\n)]*\)|[^\n]*?:\d+:\d+)/g, '');

if (process.argv.includes('--dump')) {
  const { classOf, promiseState, proxyDetails } = engine;
  const bare = new Realm({ lazy: true, introspection: { __proto__: null, classOf, promiseState, proxyDetails } });
  const dump = list.filter((test) => !test.v8).map((test) => {
    const expected = KNOWN.has(nameOf(test)) ? KNOWN.get(nameOf(test))[0] : test.node;
    const preview = attempt(() => prepare(bare, test)()) !== expected;
    return { kind: test.kind, source: test.source, options: test.options, expected: frames(expected), frames: frames(expected) !== expected, preview };
  });
  const add = (kind, tests) => {
    for (const [name, code, ...rest] of tests) {
      const wanted = rest[rest.length - 1];
      const expected = typeof wanted === 'function' ? undefined : wanted;
      const options = rest.length === 2 ? rest[0] : undefined;
      dump.push({ kind, name, source: code, options, preview: false, expected: expected === undefined ? null : frames(expected), frames: expected !== undefined && frames(expected) !== expected });
    }
  };
  add('inspect', cases.hostile);
  add('format', cases.hostileFormats);
  add('table', cases.hostileTables);
  process.stdout.write(`${JSON.stringify(dump, null, 1)}\n`);
  process.exit(0);
}

// ---- the runs ----

{
  const realm = new Realm({ lazy: true });
  for (const test of list) check('plain', test, attempt(() => prepare(realm, test)()));
}

for (const lazy of [false, true]) {
  const run = lazy ? 'poisoned before loading' : 'poisoned after loading';
  const realm = new Realm({ lazy });
  // What a poisoned prototype prints of itself, of course differs.
  const clean = list.filter((test) => !test.calls && !/prototype(?!")\)?$|^(Math|JSON|Reflect|Map)$|Object\.create\((?!null|Object|\{)|\.prototype/.test(test.source));
  const waiting = clean.map((test) => [test, attempt(() => prepare(realm, test))]);
  realm.poison();
  for (const [test, print] of waiting) check(run, test, attempt(print));
  const events = realm.events;
  attempt(() => realm.console.log('%s and %o', 'x', [1]));
  if (JSON.stringify(events[0]?.slice(0, 3)) !== JSON.stringify(['__console_log', 'log', 'x and [ 1, [length]: 1 ]'])) report(run, 'console.log', '', events[0]);
}

// Hostile values: no throw, little time, the wanted text.
{
  const realm = new Realm({ lazy: true });
  const run = (tests, kind) => {
    for (const [name, code, ...rest] of tests) {
      const expected = rest[rest.length - 1];
      const test = { kind, source: code, options: rest.length === 2 ? rest[0] : undefined };
      const print = attempt(() => prepare(realm, test));
      if (typeof print !== 'function') {
        report('hostile', `${name}: the case itself`, '', print);
        continue;
      }
      const start = performance.now();
      let got = attempt(kind === 'table' ? () => realm.load().table(...realm.value(code)) : print);
      const time = performance.now() - start;
      count++;
      const good = typeof expected === 'function' ? typeof got === 'string' && !got.startsWith('THREW') && expected(got) : got === expected;
      if (!good) {
        if (typeof got === 'string' && got.length > 600) got = `${got.slice(0, 300)} … ${got.slice(-300)} (${got.length} characters)`;
        report('hostile', name, String(expected), got);
      }
      if (time > 3000) report('hostile', name, 'at most 3 s', `${time} ms`);
      if (process.env.TIMES && time > 100) console.log(`${Math.round(time)} ms  ${name}`);
    }
  };
  run(cases.hostile, 'inspect');
  run(cases.hostileFormats, 'format');
  run(cases.hostileTables, 'table');
}

// Stacks that the guest prepares.
for (const [prepare, expected] of [
  ['() => { throw 1; }', '[Error: x]'],
  ['() => ({ toString() { throw 1; } })', '[Error: x]'],
  ['() => "    at a (a.js:1:1)"', 'Error: x\n    at a (a.js:1:1)'],
  ['() => "odd"', '[odd]'],
]) {
  const realm = new Realm({ lazy: true });
  realm.run(`Error.prepareStackTrace = ${prepare}`);
  const error = realm.value('new Error("x")');
  count++;
  const got = attempt(() => realm.load().inspect(error));
  if (got !== expected) report('stack', prepare, expected, got);
  realm.run("console.trace('t')");
  if (!realm.events[0]?.[2].startsWith('Trace: t')) report('stack', `${prepare} in console.trace`, 'Trace: t', realm.events[0]);
}

// The console.
{
  const plain = (value) => (typeof value === 'bigint' ? `${value}n` : Object.is(value, -0) ? '-0' : value === undefined ? 'undefined' : value);
  const text = (events) => JSON.stringify(events, (_, value) => plain(value));
  for (const [code, expected] of cases.calls) {
    const realm = new Realm({ lazy: true });
    realm.run(code);
    count++;
    if (text(realm.events) !== text(expected)) report('console', code, text(expected), text(realm.events));
  }
  const realm = new Realm({ lazy: true });
  realm.run("console.log('a', 1, true, null); console.log(1); console.group('x'); console.count(); console.timeLog('x', 1)");
  if (realm.loads !== 0) report('console', 'plain values do not load the formatter', 0, realm.loads);
  realm.events.length = 0;
  realm.run("function outer() { console.trace('msg %s', 'x'); } Error.stackTraceLimit = 10; outer()");
  const trace = realm.events[0][2];
  if (!/^Trace: msg x\n {4}at outer \(case\.js:1:\d+\)\n {4}at case\.js:1:\d+/.test(trace)) report('console', 'trace', '', trace);
  realm.run("console.trace()");
  if (!/^Trace\n {4}at case\.js:1:\d+/.test(realm.events[1][2])) report('console', 'trace without a message', '', realm.events[1][2]);
  for (const [code, expected] of [
    ["JSON.stringify(Object.getOwnPropertyDescriptor(globalThis, 'console'), (k, v) => k === 'value' ? 1 : v)", '{"value":1,"writable":true,"enumerable":false,"configurable":true}'],
    ["Object.keys(console).join()", 'assert,clear,debug,error,info,log,table,trace,warn,dir,dirxml,count,countReset,group,groupCollapsed,groupEnd,time,timeLog,timeEnd'],
    ['String(console)', '[object console]'],
    ["JSON.stringify(Object.getOwnPropertyDescriptor(console, Symbol.toStringTag))", '{"value":"console","writable":false,"enumerable":false,"configurable":true}'],
    ["JSON.stringify(Object.getOwnPropertyDescriptor(console, 'log'))", '{"writable":true,"enumerable":true,"configurable":true}'],
    ["Object.getPrototypeOf(Object.getPrototypeOf(console)) === Object.prototype && Reflect.ownKeys(Object.getPrototypeOf(console)).length === 0", true],
    ["Object.keys(console).every((k) => console[k].length === 0 && console[k].name === k && !('prototype' in console[k]))", true],
    ["try { console.count(Symbol()); 'no' } catch (e) { e instanceof TypeError }", true],
    ["try { console.time({ toString() { throw 5; } }); 'no' } catch (e) { e === 5 }", true],
  ]) {
    count++;
    const got = realm.run(code);
    if (got !== expected) report('console', code, expected, got);
  }
}

// Random values with random options.
{
  const at = process.argv.indexOf('--fuzz');
  const runs = at === -1 ? 2000 : Number(process.argv[at + 1]);
  let seed = 12345;
  const random = (n) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const pick = (...from) => from[random(from.length)];
  const word = () => pick('a', 'key', 'some longer name', "it's", 'naïve', '日本', 'x'.repeat(random(40)), 'two\nlines', '😀', '', 'a "q" b', 'constructor', '9', 'x-y', 'A1', 'line one is rather long\nline two is too\n');
  const leaf = () => pick(() => String(random(1000) - 500), () => JSON.stringify(word()), () => 'null', () => 'undefined', () => 'true', () => `${random(1e6)}n`, () => `Symbol(${JSON.stringify(word())})`, () => 'new Date(0)', () => '/x/g', () => 'function f() {}', () => 'class A {}', () => String(random(1e6) / 1000), () => '-0')();
  const items = (n, depth) => Array.from({ length: n }, () => value(depth - 1));
  const value = (depth) => {
    if (depth <= 0 || random(4) === 0) return leaf();
    return pick(
      () => `[${items(random(5), depth).join(', ')}]`,
      () => { const make = pick(leaf, () => String(random(10 ** random(8))), () => JSON.stringify('x'.repeat(random(12)))); return `[${Array.from({ length: random(130) }, make).join(', ')}]`; },
      () => `({ ${Array.from({ length: random(7) }, () => `${JSON.stringify(word())}: ${value(depth - 1)}`).join(', ')} })`,
      () => `({ ${Array.from({ length: random(5) }, () => `${JSON.stringify(word())}: ${value(depth - 1)}`).join(', ')} })`,
      () => `new Map([${Array.from({ length: random(5) }, () => `[${value(depth - 1)}, ${value(depth - 1)}]`).join(', ')}])`,
      () => `new Set([${items(random(9), depth).join(', ')}])`,
      () => `Object.assign([${items(random(9), depth).join(', ')}], { x: ${value(depth - 1)} })`,
      () => `[${items(random(3), depth).join(', ')}, , ${items(random(3), depth).join(', ')}]`,
      () => `new (class Foo { a = ${value(depth - 1)}; b = ${value(depth - 1)} })()`,
      () => `Object.assign(function f() {}, { x: ${value(depth - 1)} })`,
      () => `Promise.resolve(${value(depth - 1)})`,
      () => `Object.assign(Object.create(null), { y: ${value(depth - 1)} })`,
      () => `new Float64Array([${Array.from({ length: random(30) }, () => random(1e5) / 100).join(', ')}])`,
    )();
  };
  const options = () => {
    const parts = [];
    if (random(3) === 0) parts.push(`depth: ${pick('0', '1', '3', 'null', 'Infinity')}`);
    if (random(4) === 0) parts.push('colors: true');
    if (random(4) === 0) parts.push(`compact: ${pick('true', 'false', '1', '2', '5')}`);
    if (random(4) === 0) parts.push(`breakLength: ${pick('20', '40', '60', '100', '120', 'Infinity')}`);
    if (random(5) === 0) parts.push('sorted: true');
    if (random(5) === 0) parts.push(`maxArrayLength: ${pick('0', '1', '5', '20', 'null')}`);
    if (random(6) === 0) parts.push(`maxStringLength: ${pick('0', '3', '10')}`);
    if (random(6) === 0) parts.push('showHidden: true');
    return `{ ${parts.join(', ')} }`;
  };
  const realm = new Realm({ lazy: true });
  let shown = 0;
  for (let i = 0; i < runs; i++) {
    const test = { kind: 'inspect', source: value(4), options: options() };
    const expected = attempt(() => reference(test));
    const got = attempt(() => prepare(realm, test)());
    count++;
    if (got !== expected && shown++ < 5) report('random', nameOf(test), expected, got);
    else if (got !== expected) failures++;
  }
}

for (const key of KNOWN.keys()) if (!used.has(key)) report('list', `known difference that no case has: ${key}`, '', '');
console.log(failures === 0 ? `${count} comparisons, ${KNOWN.size} known differences` : `${failures} of ${count} differ`);
process.exit(failures === 0 ? 0 : 1);
