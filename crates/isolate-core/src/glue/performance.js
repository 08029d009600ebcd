// Time and its measurements: https://w3c.github.io/hr-time/, https://w3c.github.io/user-timing/ and
// https://w3c.github.io/performance-timeline/
(function (host, p, engine) {
  'use strict';
  const { call } = p;
  const idl = p.use('idl');
  const events = p.use('events');
  const now = host.__performance_now;

  const types = ['mark', 'measure'];
  const supported = (type) => type === 'mark' || type === 'measure';

  // ---- entries ----

  const entries = idl.slot();
  const create = (Class, name, type, startTime, duration, detail) => {
    const entry = { __proto__: Class.prototype };
    entries.set(entry, { __proto__: null, name, type, startTime, duration, detail });
    return entry;
  };
  // Puts an entry into a list in the order of start times; most come in it.
  const insert = (list, entry) => {
    const { startTime } = entries.get(entry);
    let i = list.length;
    for (; i > 0 && entries.get(list[i - 1]).startTime > startTime; i--) list[i] = list[i - 1];
    list[i] = entry;
  };
  // https://w3c.github.io/performance-timeline/#dfn-filter-buffer-by-name-and-type, as an array for the guest
  const filter = (list, name, type) => {
    const found = idl.list();
    for (let i = 0; i < list.length; i++) {
      const state = entries.get(list[i]);
      if ((name === undefined || state.name === name) && (type === undefined || state.type === type)) {
        found[found.length] = list[i];
      }
    }
    return idl.array(found);
  };
  const byName = (list, given, name, type, where) => {
    idl.need(given, 1, where);
    name = idl.DOMString(name);
    return filter(list, name, type === undefined ? undefined : idl.DOMString(type));
  };
  const byType = (list, given, type, where) => {
    idl.need(given, 1, where);
    return filter(list, undefined, idl.DOMString(type));
  };

  class PerformanceEntry {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get name() { return entries.get(this).name; }
    get entryType() { return entries.get(this).type; }
    get startTime() { return entries.get(this).startTime; }
    get duration() { return entries.get(this).duration; }
    toJSON() {
      const { name, type, startTime, duration, detail } = entries.get(this);
      return { name, entryType: type, startTime, duration, detail };
    }
  }
  idl.define(PerformanceEntry);

  const detailOf = (object, type) => {
    const state = entries.get(object);
    if (state.type !== type) throw idl.illegal();
    return state.detail;
  };
  const copyDetail = (detail) =>
    (detail === undefined || detail === null ? null : p.use('clone').clone(detail, undefined, undefined));
  const notNegative = (time, where) => {
    if (time < 0) throw idl.typeError(where, 'A time stamp must not be negative.');
    return time;
  };
  const markState = (name, options, where) => {
    name = idl.DOMString(name);
    const get = idl.dictionary(options, where);
    const detail = get('detail');
    const given = get('startTime');
    const startTime = given === undefined ? now() : notNegative(idl.double(given, where), where);
    return { __proto__: null, name, type: 'mark', startTime, duration: 0, detail: copyDetail(detail) };
  };

  class PerformanceMark {
    constructor(markName, markOptions = {}) {
      idl.need(arguments.length, 1, 'new PerformanceMark');
      entries.set(this, markState(markName, markOptions, 'new PerformanceMark'));
    }
    get detail() { return detailOf(this, 'mark'); }
  }
  idl.inherit(idl.define(PerformanceMark), PerformanceEntry);

  class PerformanceMeasure {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get detail() { return detailOf(this, 'measure'); }
  }
  idl.inherit(idl.define(PerformanceMeasure), PerformanceEntry);

  // ---- the timeline ----

  let timeline = idl.list();
  // The last mark of each name, to measure from.
  const marks = new p.Map();
  const observers = { __proto__: null, first: undefined, last: undefined };

  const queue = (entry) => {
    const { type } = entries.get(entry);
    for (let o = observers.first; o !== undefined; o = o.next) {
      if (o.types[type] !== true) continue;
      insert(o.buffer, entry);
      notify();
    }
    insert(timeline, entry);
  };
  const clear = (type, name) => {
    const kept = idl.list();
    for (let i = 0; i < timeline.length; i++) {
      const state = entries.get(timeline[i]);
      if (state.type !== type || (name !== undefined && state.name !== name)) kept[kept.length] = timeline[i];
    }
    timeline = kept;
    if (type !== 'mark') return;
    if (name === undefined) call(p.MapPrototypeClear, marks);
    else call(p.MapPrototypeDelete, marks, name);
  };

  const navigation = { __proto__: null };
  const reserved = [
    'navigationStart', 'unloadEventStart', 'unloadEventEnd', 'redirectStart', 'redirectEnd', 'fetchStart',
    'domainLookupStart', 'domainLookupEnd', 'connectStart', 'connectEnd', 'secureConnectionStart', 'requestStart',
    'responseStart', 'responseEnd', 'domLoading', 'domInteractive', 'domContentLoadedEventStart',
    'domContentLoadedEventEnd', 'domComplete', 'loadEventStart', 'loadEventEnd',
  ];
  for (let i = 0; i < reserved.length; i++) navigation[reserved[i]] = true;

  // https://w3c.github.io/user-timing/#convert-a-mark-to-a-timestamp
  const toTime = (mark, where) => {
    if (typeof mark === 'number') return notNegative(mark, where);
    if (navigation[mark] === true) throw idl.typeError(where, '\'' + mark + '\' needs a document that was navigated to.');
    const time = call(p.MapPrototypeGet, marks, mark);
    if (time === undefined) throw p.domException('There is no mark \'' + mark + '\'.', 'SyntaxError');
    return time;
  };
  const markOrTime = (v, where) =>
    (v === undefined ? undefined : typeof v === 'number' ? idl.double(v, where) : idl.DOMString(v));

  // https://w3c.github.io/user-timing/#dom-performance-measure
  const measure = (name, from, endMark) => {
    const where = 'Performance.measure';
    name = idl.DOMString(name);
    const isName = from !== undefined && from !== null && !idl.isObject(from);
    let detail, duration, end, start;
    if (isName) {
      start = idl.DOMString(from);
    } else {
      const get = idl.dictionary(from, where);
      detail = get('detail');
      duration = get('duration');
      if (duration !== undefined) duration = idl.double(duration, where);
      end = markOrTime(get('end'), where);
      start = markOrTime(get('start'), where);
    }
    if (endMark !== undefined) endMark = idl.DOMString(endMark);
    if (!isName && (detail !== undefined || duration !== undefined || end !== undefined || start !== undefined)) {
      if (endMark !== undefined) throw idl.typeError(where, 'Options and an end mark cannot both be given.');
      if (start === undefined && end === undefined) throw idl.typeError(where, 'Either start or end must be given.');
      if (start !== undefined && duration !== undefined && end !== undefined) {
        throw idl.typeError(where, 'Not all of start, duration and end can be given.');
      }
    }
    const endTime = endMark !== undefined ? toTime(endMark, where)
      : end !== undefined ? toTime(end, where)
      : start !== undefined && duration !== undefined ? toTime(start, where) + notNegative(duration, where)
      : now();
    const startTime = start !== undefined ? toTime(start, where)
      : duration !== undefined && end !== undefined ? toTime(end, where) - notNegative(duration, where)
      : 0;
    const entry = create(PerformanceMeasure, name, 'measure', startTime, endTime - startTime, copyDetail(detail));
    queue(entry);
    return entry;
  };

  // ---- Performance ----

  const performances = idl.slot();
  class Performance {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get timeOrigin() { return performances.get(this).timeOrigin; }
    now() {
      performances.get(this);
      return now();
    }
    toJSON() { return { timeOrigin: performances.get(this).timeOrigin }; }
    mark(markName, markOptions = {}) {
      performances.get(this);
      idl.need(arguments.length, 1, 'Performance.mark');
      const state = markState(markName, markOptions, 'Performance.mark');
      const entry = { __proto__: PerformanceMark.prototype };
      entries.set(entry, state);
      call(p.MapPrototypeSet, marks, state.name, state.startTime);
      queue(entry);
      return entry;
    }
    measure(measureName, startOrMeasureOptions = {}, endMark = undefined) {
      performances.get(this);
      idl.need(arguments.length, 1, 'Performance.measure');
      return measure(measureName, startOrMeasureOptions, endMark);
    }
    clearMarks(markName = undefined) {
      performances.get(this);
      clear('mark', markName === undefined ? undefined : idl.DOMString(markName));
    }
    clearMeasures(measureName = undefined) {
      performances.get(this);
      clear('measure', measureName === undefined ? undefined : idl.DOMString(measureName));
    }
    getEntries() {
      performances.get(this);
      return filter(timeline);
    }
    getEntriesByType(type) {
      performances.get(this);
      return byType(timeline, arguments.length, type, 'Performance.getEntriesByType');
    }
    getEntriesByName(name, type = undefined) {
      performances.get(this);
      return byName(timeline, arguments.length, name, type, 'Performance.getEntriesByName');
    }
  }
  idl.inherit(idl.define(Performance), events.EventTarget);
  const performance = { __proto__: Performance.prototype };
  events.initializeTarget(performance);
  performances.set(performance, { __proto__: null, timeOrigin: host.__performance_timeOrigin() });

  // ---- observers ----

  const lists = idl.slot();
  class PerformanceObserverEntryList {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    getEntries() { return filter(lists.get(this)); }
    getEntriesByType(type) {
      return byType(lists.get(this), arguments.length, type, 'PerformanceObserverEntryList.getEntriesByType');
    }
    getEntriesByName(name, type = undefined) {
      return byName(lists.get(this), arguments.length, name, type, 'PerformanceObserverEntryList.getEntriesByName');
    }
  }
  idl.define(PerformanceObserverEntryList);

  let notifying = false;
  // https://w3c.github.io/performance-timeline/#queue-the-performanceobserver-task
  const notify = () => {
    if (notifying) return;
    notifying = true;
    p.use('tasks').queue(() => {
      notifying = false;
      const all = idl.list();
      for (let o = observers.first; o !== undefined; o = o.next) all[all.length] = o;
      for (let i = 0; i < all.length; i++) {
        const o = all[i];
        if (o.buffer.length === 0) continue;
        const list = { __proto__: PerformanceObserverEntryList.prototype };
        lists.set(list, o.buffer);
        o.buffer = idl.list();
        const options = o.first ? { droppedEntriesCount: 0 } : {};
        o.first = false;
        try {
          call(o.callback, o.object, list, o.object, options);
        } catch (e) {
          p.reportException(e);
        }
      }
    });
  };
  const register = (o) => {
    if (o.registered) return;
    o.registered = true;
    o.previous = observers.last;
    o.next = undefined;
    if (observers.last === undefined) observers.first = o;
    else observers.last.next = o;
    observers.last = o;
  };
  const unregister = (o) => {
    if (!o.registered) return;
    o.registered = false;
    if (o.previous === undefined) observers.first = o.next;
    else o.previous.next = o.next;
    if (o.next === undefined) observers.last = o.previous;
    else o.next.previous = o.previous;
  };
  const noTypes = () => ({ __proto__: null, mark: false, measure: false });

  const states = idl.slot();
  const supportedEntryTypes = p.ObjectFreeze(types);
  class PerformanceObserver {
    constructor(callback) {
      idl.need(arguments.length, 1, 'new PerformanceObserver');
      states.set(this, {
        __proto__: null, callback: idl.callback(callback, 'new PerformanceObserver'), object: this, kind: undefined,
        types: noTypes(), buffer: idl.list(), first: true, registered: false, previous: undefined, next: undefined,
      });
    }
    static get supportedEntryTypes() { return supportedEntryTypes; }
    observe(options = {}) {
      const state = states.get(this);
      const where = 'PerformanceObserver.observe';
      const get = idl.dictionary(options, where);
      let buffered = get('buffered');
      if (buffered !== undefined) buffered = !!buffered;
      let entryTypes = get('entryTypes');
      if (entryTypes !== undefined) entryTypes = idl.sequence(entryTypes, idl.DOMString, where);
      let type = get('type');
      if (type !== undefined) type = idl.DOMString(type);
      if (entryTypes === undefined && type === undefined) {
        throw idl.typeError(where, 'Either entryTypes or type must be given.');
      }
      if (entryTypes !== undefined && (type !== undefined || buffered !== undefined)) {
        throw idl.typeError(where, 'Beside entryTypes nothing else can be given.');
      }
      const kind = entryTypes === undefined ? 'single' : 'multiple';
      if (state.kind !== undefined && state.kind !== kind) {
        throw p.domException('An observer cannot use both entryTypes and type.', 'InvalidModificationError');
      }
      state.kind = kind;
      if (kind === 'multiple') {
        const wanted = noTypes();
        for (let i = 0; i < entryTypes.length; i++) if (supported(entryTypes[i])) wanted[entryTypes[i]] = true;
        if (!wanted.mark && !wanted.measure) return;
        state.types = wanted;
        register(state);
        return;
      }
      if (!supported(type)) return;
      state.types[type] = true;
      register(state);
      if (buffered !== true) return;
      for (let i = 0; i < timeline.length; i++) {
        if (entries.get(timeline[i]).type === type) insert(state.buffer, timeline[i]);
      }
      if (state.buffer.length > 0) notify();
    }
    disconnect() {
      const state = states.get(this);
      unregister(state);
      state.buffer = idl.list();
      state.types = noTypes();
      state.kind = undefined;
    }
    takeRecords() {
      const state = states.get(this);
      const { buffer } = state;
      state.buffer = idl.list();
      return idl.array(buffer);
    }
  }
  idl.define(PerformanceObserver);

  p.exports = { __proto__: null, performance, now };
  p.loaded = {
    performance, Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver,
    PerformanceObserverEntryList,
  };
})
