// Measures isolated-vm and prints one JSON object. Run by ../run.sh, as
//
//   node --expose-gc --no-node-snapshot bench.mjs [NAME...]
//
// Times are in nanoseconds and sizes in bytes; p50 is the median of `samples` measurements made after a warm-up.
// Where isolated-vm has a synchronous form of a call, that one is used: it is the faster.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import ivm from 'isolated-vm';

const MEMORY_LIMIT_MB = 64;
const ALIVE = 500;
const SYNC_CALLS = 1_000_000;
const ASYNC_CALLS = 2_000;

// isolated-vm gives guests the language and nothing else. What ours have besides (URL, URLSearchParams, DOMException,
// structuredClone, atob, queueMicrotask; streams; text encoding; events; abort; Blob) comes from these packages of npm.
const APIS = [
  'core-js-bundle/minified.js', 'web-streams-polyfill/dist/polyfill.js', 'fast-text-encoding/text.min.js',
  'event-target-polyfill/index.js', 'abortcontroller-polyfill/dist/abortcontroller-polyfill-only.js', 'blob-polyfill/Blob.js',
];

const benchmarks = {
  cold_start,
  cold_start_bare,
  memory_per_runtime: () => memory(false),
  memory_with_apis: () => memory(true),
  sync_call,
  async_call,
  fib30: () => workload('fib.js', 832040),
  sort_map_json: () => workload('sort_map_json.js'),
  timers_100k,
};

if (process.argv[2] === '--memory-child') {
  console.log(JSON.stringify(await memoryChild(process.argv.includes('--apis'))));
} else {
  await main(process.argv.slice(2));
}

async function main(wanted) {
  const results = {};
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const start = performance.now();
    results[name] = await benchmark();
    console.error(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  const { version } = createRequire(import.meta.url)('isolated-vm/package.json');
  console.log(JSON.stringify({
    peer: 'isolated-vm',
    version,
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    results,
  }, null, 2));
}

// From nothing to a first result: isolate, context, console and timers, an evaluation, and all of it gone again.
function cold_start() {
  return nanoseconds(sample(40, 400, () => elapsed(() => {
    const runtime = makeRuntime();
    expectEqual(runtime.context.evalSync('1+1'), 2);
    dispose(runtime);
  })));
}

// The same without console and timers.
function cold_start_bare() {
  return nanoseconds(sample(40, 400, () => elapsed(() => {
    const isolate = new ivm.Isolate({ memoryLimit: MEMORY_LIMIT_MB });
    const context = isolate.createContextSync();
    expectEqual(context.evalSync('1+1'), 2);
    dispose({ isolate, context });
  })));
}

// In a process of its own, so that nothing measured before is counted.
function memory(withApis) {
  const samples = Array.from({ length: 3 }, () => {
    const args = ['--expose-gc', '--no-node-snapshot', fileURLToPath(import.meta.url), '--memory-child'];
    if (withApis) args.push('--apis');
    const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (child.status !== 0) throw new Error(`the memory measurement failed: ${child.stderr}`);
    return JSON.parse(child.stdout).perRuntime;
  });
  return { unit: 'bytes', ...summary(samples), alive: ALIVE };
}

async function memoryChild(withApis) {
  const file = (name) => readFileSync(fileURLToPath(new URL(`node_modules/${name}`, import.meta.url)), 'utf8');
  const scripts = withApis ? APIS.map(file) : [];
  const make = () => {
    const runtime = makeRuntime();
    if (withApis) runtime.context.evalSync('globalThis.self = globalThis.window = globalThis.global = globalThis;');
    for (const script of scripts) runtime.context.evalSync(script);
    if (withApis) expectEqual(runtime.context.evalSync('typeof URL + typeof ReadableStream + typeof Blob'), 'function'.repeat(3));
    return runtime;
  };
  dispose(make()); // what isolated-vm sets up once per process
  const before = await smallestRss();
  const runtimes = Array.from({ length: ALIVE }, () => {
    const runtime = make();
    runtime.context.evalSync('1+1');
    return runtime;
  });
  const after = await smallestRss();
  runtimes.forEach(dispose);
  return { perRuntime: Math.round((after - before) / ALIVE) };
}

async function smallestRss() {
  const readings = [];
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await sleep(50);
    readings.push(Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024);
  }
  return Math.min(...readings);
}

// The loop is part of the figure; empty_loop is what remains of it without the call.
function sync_call() {
  const runtime = makeRuntime();
  runtime.context.global.setSync('add', new ivm.Callback((a, b) => a + b));
  const calling = loop('sum = add(sum, i)');
  const empty = loop('sum = sum + i');
  const expected = (SYNC_CALLS * (SYNC_CALLS - 1)) / 2;
  const measure = (script) => () => elapsed(() => expectEqual(script.runSync(runtime.context), expected)) / SYNC_CALLS;
  const result = {
    ...nanoseconds(sample(2, 7, measure(calling))),
    calls: SYNC_CALLS,
    empty_loop: nanoseconds(sample(2, 7, measure(empty))),
  };
  dispose(runtime);
  return result;

  function loop(body) {
    return runtime.isolate.compileScriptSync(
      `(function () { let sum = 0; for (let i = 0; i < ${SYNC_CALLS}; i++) ${body}; return sum; })()`);
  }
}

// The guest blocks in applySyncPromise while the host's event loop hands over a promise that is resolved already.
async function async_call() {
  const runtime = makeRuntime();
  runtime.context.global.setSync('next', new ivm.Reference((n) => Promise.resolve(n + 1)));
  const script = await runtime.isolate.compileScript(
    `(function () { let n = 0; for (let i = 0; i < ${ASYNC_CALLS}; i++) n = next.applySyncPromise(undefined, [n]); return n; })()`);
  const samples = [];
  for (let i = 0; i < 2 + 9; i++) {
    const start = process.hrtime.bigint();
    expectEqual(await script.run(runtime.context), ASYNC_CALLS);
    if (i >= 2) samples.push(Number(process.hrtime.bigint() - start) / ASYNC_CALLS);
  }
  dispose(runtime);
  return { ...nanoseconds(samples), calls: ASYNC_CALLS };
}

// Hot code in one context, and beside it what the first evaluation in a fresh isolate takes, compilation included.
function workload(file, expected) {
  const code = readFileSync(new URL(`../../workloads/${file}`, import.meta.url), 'utf8');
  const runtime = makeRuntime({ memoryLimit: 512 });
  const script = runtime.isolate.compileScriptSync(code);
  const value = script.runSync(runtime.context);
  if (expected !== undefined) expectEqual(value, expected);
  const hot = sample(2, 9, () => elapsed(() => expectEqual(script.runSync(runtime.context), value)));
  dispose(runtime);

  const first = sample(1, 5, () => {
    const fresh = makeRuntime({ memoryLimit: 512 });
    const time = elapsed(() => expectEqual(fresh.context.evalSync(code), value));
    dispose(fresh);
    return time;
  });
  return { ...nanoseconds(hot), value, first_run: nanoseconds(first) };
}

// Virtual timers after the pattern look through all pending timers for each that fires, so their cost is quadratic:
// 100,000 would take many minutes. Two smaller numbers show the growth.
function timers_100k() {
  const result = { note: 'quadratic; measured with 2,000 and 4,000 timers instead of 100,000' };
  for (const count of [2_000, 4_000]) {
    const schedule = [];
    const tick = [];
    sample(1, 5, () => {
      const runtime = makeRuntime();
      const code = `fired = 0; for (let i = 0; i < ${count}; i++) setTimeout(() => { fired++; }, i % 1000);`;
      schedule.push(elapsed(() => runtime.context.evalSync(code)));
      tick.push(elapsed(() => runtime.timers.tick(1000)));
      expectEqual(runtime.context.evalSync('fired'), count);
      dispose(runtime);
    });
    result[`timers_${count}`] = {
      ...nanoseconds(schedule.map((time, i) => time + tick[i]).slice(1)),
      schedule: nanoseconds(schedule.slice(1)),
      tick: nanoseconds(tick.slice(1)),
    };
  }
  return result;
}

// An isolate with console and timers: callbacks of the host, and the public API in JavaScript over them.
function makeRuntime({ memoryLimit = MEMORY_LIMIT_MB } = {}) {
  const isolate = new ivm.Isolate({ memoryLimit });
  const context = isolate.createContextSync();
  setupConsole(context);
  const timers = setupTimers(context);
  return { isolate, context, timers };
}

function dispose({ isolate, context }) {
  context.release();
  isolate.dispose();
}

function setupConsole(context, onLog = () => {}) {
  const { global } = context;
  const stopwatches = new Map();
  const counters = new Map();
  let depth = 0;

  for (const level of ['log', 'warn', 'error', 'debug', 'info', 'trace', 'dir', 'table']) {
    global.setSync(`__console_${level}`, new ivm.Callback((...args) => { onLog(level, ...args); }));
  }
  global.setSync('__console_time', new ivm.Callback((label = 'default') => { stopwatches.set(label, performance.now()); }));
  global.setSync('__console_timeEnd', new ivm.Callback((label = 'default') => {
    onLog('log', `${label}: ${performance.now() - stopwatches.get(label)}ms`);
    stopwatches.delete(label);
  }));
  global.setSync('__console_count', new ivm.Callback((label = 'default') => {
    counters.set(label, (counters.get(label) ?? 0) + 1);
    onLog('log', `${label}: ${counters.get(label)}`);
  }));
  global.setSync('__console_countReset', new ivm.Callback((label = 'default') => { counters.delete(label); }));
  global.setSync('__console_group', new ivm.Callback((...args) => { depth++; onLog('log', ...args); }));
  global.setSync('__console_groupEnd', new ivm.Callback(() => { depth = Math.max(0, depth - 1); }));

  context.evalSync(`
    globalThis.console = {
      log: __console_log,
      warn: __console_warn,
      error: __console_error,
      debug: __console_debug,
      info: __console_info,
      trace: __console_trace,
      dir: __console_dir,
      table: __console_table,
      time: __console_time,
      timeEnd: __console_timeEnd,
      count: __console_count,
      countReset: __console_countReset,
      group: __console_group,
      groupEnd: __console_groupEnd,
      assert(condition, ...args) {
        if (!condition) __console_error('Assertion failed', ...args);
      },
    };
  `);
}

function setupTimers(context) {
  const { global } = context;
  const pending = new Map();
  let nextId = 1;
  let now = 0;

  global.setSync('__timers_register', new ivm.Callback((type, delay) => {
    const id = nextId++;
    pending.set(id, { id, type, delay: Math.max(0, delay || 0), due: now + Math.max(0, delay || 0) });
    return id;
  }));
  global.setSync('__timers_clear', new ivm.Callback((id) => { pending.delete(id); }));

  context.evalSync(`
    (function () {
      const callbacks = new Map();
      const schedule = (type) => function (callback, delay, ...args) {
        const id = __timers_register(type, delay || 0);
        callbacks.set(id, { callback, args });
        return id;
      };
      const clear = function (id) {
        callbacks.delete(id);
        __timers_clear(id);
      };
      globalThis.setTimeout = schedule('timeout');
      globalThis.setInterval = schedule('interval');
      globalThis.clearTimeout = clear;
      globalThis.clearInterval = clear;
      globalThis.__timers_execute = function (id) {
        const entry = callbacks.get(id);
        if (entry) entry.callback(...entry.args);
      };
      globalThis.__timers_removeCallback = function (id) {
        callbacks.delete(id);
      };
    })();
  `);

  return {
    tick(ms = 0) {
      now += ms;
      for (;;) {
        const [timer] = [...pending.values()].filter((each) => each.due <= now).sort((a, b) => a.due - b.due);
        if (!timer) break;
        context.evalSync(`__timers_execute(${timer.id})`);
        if (timer.type === 'timeout') {
          pending.delete(timer.id);
          context.evalSync(`__timers_removeCallback(${timer.id})`);
        } else {
          timer.due = now + timer.delay;
        }
      }
    },
  };
}

function sample(warmUp, count, measure) {
  for (let i = 0; i < warmUp; i++) measure();
  return Array.from({ length: count }, () => measure());
}

function elapsed(run) {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start);
}

function nanoseconds(samples) {
  return { unit: 'ns', ...summary(samples) };
}

function summary(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const p50 = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { p50: round(p50), min: round(sorted[0]), max: round(sorted.at(-1)), samples: sorted.length };
}

function round(value) {
  return value < 1000 ? Math.round(value * 100) / 100 : Math.round(value);
}

function expectEqual(actual, expected) {
  if (actual !== expected) throw new Error(`expected ${expected}, got ${actual}`);
}
