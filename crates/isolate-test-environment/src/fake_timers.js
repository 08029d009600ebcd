// Fake timers: a virtual clock that the test moves. The functions of the real timers, Date and performance.now give way to ones
// that follow it, until useRealTimers.
(function (host, p, engine) {
  'use strict';
  const { ReflectApply, ReflectConstruct, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor } = p;
  const t = p.testing;
  const { push } = t;
  const globalThis = p.globalThis;
  const RealDate = Date, now = Date.now, { getTime, toString } = Date.prototype;
  const floor = Math.floor;
  const MOST = 10000;

  let fake; // { time, wall, timers, next, saved }
  const need = (what) => {
    if (fake === undefined) throw new p.Error('vi.' + what + ': the timers are not fake; call vi.useFakeTimers() first');
    return fake;
  };

  const add = (kind, handler, delay, args, every) => {
    if (typeof handler !== 'function') throw new p.TypeError(kind + ' needs a function, and got ' + t.short(handler));
    let ms = +delay;
    if (!(ms > 0) || ms > 2147483647) ms = 0;
    if (every !== undefined && ms < 1) ms = 1;
    const id = fake.next;
    fake.next += 1;
    push(fake.timers, { __proto__: null, id, at: fake.time + floor(ms), seq: id, every: every === undefined ? 0 : floor(ms), handler, args });
    return id;
  };
  const remove = (id) => {
    const rest = [];
    for (let i = 0; i < fake.timers.length; i++) if (fake.timers[i].id !== id) push(rest, fake.timers[i]);
    fake.timers = rest;
  };
  const next = (until) => {
    let first;
    for (let i = 0; i < fake.timers.length; i++) {
      const timer = fake.timers[i];
      if (until !== undefined && timer.at > until) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.seq < first.seq)) first = timer;
    }
    return first;
  };
  const fire = (timer) => {
    if (timer.at > fake.time) fake.time = timer.at;
    if (timer.every > 0) {
      timer.at += timer.every;
      timer.seq = fake.next;
      fake.next += 1;
    } else {
      remove(timer.id);
    }
    ReflectApply(timer.handler, globalThis, timer.args);
  };

  const wallTime = () => fake.wall + fake.time;
  const makeDate = () => {
    function FakeDate(...args) {
      if (new.target === undefined) return p.call(toString, new RealDate(wallTime()));
      const target = new.target === FakeDate ? FakeDate : new.target;
      return ReflectConstruct(RealDate, args.length === 0 ? [wallTime()] : args, target);
    }
    FakeDate.prototype = RealDate.prototype;
    ObjectDefineProperty(FakeDate, 'name', { __proto__: null, value: 'Date', configurable: true });
    const define = (k, value) => ObjectDefineProperty(FakeDate, k, { __proto__: null, value, writable: true, configurable: true });
    define('now', () => wallTime());
    define('parse', RealDate.parse);
    define('UTC', RealDate.UTC);
    return FakeDate;
  };

  const FAKED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'];
  const replacements = () => ({
    __proto__: null,
    setTimeout: (handler, delay = 0, ...args) => add('setTimeout', handler, delay, args),
    setInterval: (handler, delay = 0, ...args) => add('setInterval', handler, delay, args, true),
    clearTimeout: (id = 0) => { if (fake !== undefined) remove(id); },
    clearInterval: (id = 0) => { if (fake !== undefined) remove(id); },
    Date: makeDate(),
  });

  const useFakeTimers = (options = undefined) => {
    if (fake !== undefined) useRealTimers();
    const given = t.isObject(options) ? options : {};
    const wall = given.now === undefined ? now() : +given.now;
    const list = given.toFake, not = given.toNotFake;
    const wanted = (name) => {
      const has = (names) => { for (let i = 0; i < names.length; i++) if (names[i] === name) return true; return false; };
      return list !== undefined ? has(list) : not === undefined || !has(not);
    };
    fake = { __proto__: null, time: 0, wall, timers: [], next: 1, saved: [] };
    const made = replacements();
    engine.defineGlobals();
    for (let i = 0; i < FAKED.length; i++) {
      const name = FAKED[i];
      if (!wanted(name)) continue;
      if (name === 'performance') {
        const owner = globalThis.performance;
        if (owner === undefined) continue;
        push(fake.saved, { __proto__: null, owner, key: 'now', before: ObjectGetOwnPropertyDescriptor(owner, 'now') });
        ObjectDefineProperty(owner, 'now', { __proto__: null, value: () => fake.time, writable: true, configurable: true });
        continue;
      }
      const before = ObjectGetOwnPropertyDescriptor(globalThis, name);
      if (before === undefined) continue;
      push(fake.saved, { __proto__: null, owner: globalThis, key: name, before });
      ObjectDefineProperty(globalThis, name, { __proto__: null, value: made[name], writable: true, configurable: true, enumerable: false });
    }
    return t.vi;
  };
  const useRealTimers = () => {
    if (fake === undefined) return t.vi;
    for (let i = 0; i < fake.saved.length; i++) {
      const { owner, key, before } = fake.saved[i];
      if (before === undefined) delete owner[key];
      else ObjectDefineProperty(owner, key, before);
    }
    fake = undefined;
    return t.vi;
  };

  const guard = (what, count) => {
    if (count >= MOST) throw new p.Error('vi.' + what + ': ' + MOST + ' timers have fired, and there are still some');
  };
  const advance = (ms) => {
    need('advanceTimersByTime');
    const until = fake.time + (+ms);
    for (let timer; (timer = next(until)) !== undefined;) {
      fire(timer);
      if (fake === undefined) return;
    }
    fake.time = until;
  };
  // Microtasks run to their end between two timers, and what they wait for on the host gets a turn.
  const turn = () => host.__test_turn();
  const loop = (step) => engine.then(turn(), () => (step() ? loop(step) : turn()));

  const all = (what, only) => {
    need(what);
    const limit = only ? fake.next : undefined;
    let fired = 0;
    return () => {
      if (fake === undefined) return false;
      let timer = next();
      if (only) {
        timer = undefined;
        for (let i = 0; i < fake.timers.length; i++) {
          const other = fake.timers[i];
          if (other.seq < limit && (timer === undefined || other.at < timer.at || (other.at === timer.at && other.seq < timer.seq))) timer = other;
        }
      }
      if (timer === undefined) return false;
      guard(what, fired);
      fired += 1;
      fire(timer);
      return true;
    };
  };
  const toEnd = (step) => { while (step()); return t.vi; };
  const later = (step) => engine.then(loop(step), () => t.vi);

  t.fake = {
    __proto__: null, useFakeTimers, useRealTimers,
    isFakeTimers: () => fake !== undefined,
    setSystemTime(time) {
      const ms = t.isObject(time) ? p.call(getTime, time) : typeof time === 'string' ? RealDate.parse(time) : +time;
      if (fake === undefined) useFakeTimers({ toFake: ['Date'] });
      fake.wall = ms - fake.time;
      return t.vi;
    },
    getMockedSystemTime: () => (fake === undefined ? null : new RealDate(wallTime())),
    getRealSystemTime: () => now(),
    getTimerCount: () => need('getTimerCount').timers.length,
    clearAllTimers() { need('clearAllTimers').timers = []; return t.vi; },
    advanceTimersByTime(ms) { advance(ms); return t.vi; },
    advanceTimersByTimeAsync(ms) {
      need('advanceTimersByTimeAsync');
      const until = fake.time + (+ms);
      return engine.then(loop(() => {
        const timer = fake === undefined ? undefined : next(until);
        if (timer !== undefined) fire(timer);
        return timer !== undefined;
      }), () => {
        if (fake !== undefined && fake.time < until) fake.time = until;
        return t.vi;
      });
    },
    advanceTimersToNextTimer(steps = 1) {
      need('advanceTimersToNextTimer');
      for (let i = 0; i < steps; i++) {
        const timer = next();
        if (timer === undefined) break;
        fire(timer);
      }
      return t.vi;
    },
    advanceTimersToNextTimerAsync(steps = 1) {
      need('advanceTimersToNextTimerAsync');
      let left = +steps;
      return later(() => {
        const timer = left > 0 ? next() : undefined;
        left -= 1;
        if (timer !== undefined) fire(timer);
        return timer !== undefined;
      });
    },
    runAllTimers: () => toEnd(all('runAllTimers', false)),
    runAllTimersAsync: () => later(all('runAllTimersAsync', false)),
    runOnlyPendingTimers: () => toEnd(all('runOnlyPendingTimers', true)),
    runOnlyPendingTimersAsync: () => later(all('runOnlyPendingTimersAsync', true)),
  };
})
