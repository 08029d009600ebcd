// Events and their targets: https://dom.spec.whatwg.org/#events, with the event interfaces of HTML that need no page.
(function (host, p, engine) {
  'use strict';
  // Events at the global scope hand out the global object.
  engine.defineGlobals();
  const { call, ReflectApply, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, globalThis } = p;
  const idl = p.use('idl');
  const { isObject, illegal, need } = idl;

  const NONE = 0, CAPTURING_PHASE = 1, AT_TARGET = 2, BUBBLING_PHASE = 3;
  const phases = { __proto__: null, NONE, CAPTURING_PHASE, AT_TARGET, BUBBLING_PHASE };

  // Filled by other modules once they are loaded: only then can there be objects of theirs.
  const hooks = { __proto__: null, signalState: undefined, addAlgorithm: undefined, removeAlgorithm: undefined, isPort: undefined };

  // ---- Event ----

  // The flags of an event. https://dom.spec.whatwg.org/#stop-propagation-flag and those after it
  const BUBBLES = 1, CANCELABLE = 2, COMPOSED = 4, TRUSTED = 8, CANCELED = 16, DISPATCHING = 32, STOP = 64, STOP_NOW = 128,
    PASSIVE = 256;

  const events = idl.slot();
  const getter = (object, key) => ObjectGetOwnPropertyDescriptor(object, key).get;
  // [LegacyUnforgeable]: an own property of every event, with one getter for all.
  const unforgeable = {
    __proto__: null,
    get: getter({ get isTrusted() { return (events.get(this).flags & TRUSTED) !== 0; } }, 'isTrusted'),
    set: undefined, enumerable: true, configurable: false,
  };

  // Gives an object the state of an event. `kind` names the interface, `data` holds what that adds to Event.
  const initialize = (object, kind, type, flags, data) => {
    const state = {
      __proto__: null, kind, type, flags, data, timeStamp: host.__events_now(), target: null, currentTarget: null,
      phase: NONE, path: undefined,
    };
    events.set(object, state);
    ObjectDefineProperty(object, 'isTrusted', unforgeable);
    return state;
  };
  // The same from the arguments of a constructor; `read` reads the members of the interface's own dictionary.
  const construct = (object, kind, type, init, where, read) => {
    if (typeof type !== 'string') type = idl.DOMString(type);
    const get = idl.dictionary(init, where);
    let flags = 0;
    if (init !== undefined) {
      if (get('bubbles')) flags |= BUBBLES;
      if (get('cancelable')) flags |= CANCELABLE;
      if (get('composed')) flags |= COMPOSED;
    }
    initialize(object, kind, type, flags, read === undefined ? undefined : read(get, where));
  };
  const dataOf = (object, kind) => {
    const state = events.get(object);
    if (state.kind !== kind) throw illegal();
    return state.data;
  };
  // An initEvent() of some kind. It does nothing while the event is being dispatched.
  const reinitialize = (state, type, bubbles, cancelable) => {
    state.flags = (state.flags & COMPOSED) | (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0);
    state.target = null;
    state.type = type;
  };
  const setCanceled = (state) => { if ((state.flags & (CANCELABLE | PASSIVE)) === CANCELABLE) state.flags |= CANCELED; };
  const has = (object, flag) => (events.get(object).flags & flag) !== 0;

  class Event {
    constructor(type, eventInitDict = undefined) {
      need(arguments.length, 1, 'new Event');
      construct(this, 'Event', type, eventInitDict, 'new Event');
    }
    get type() { return events.get(this).type; }
    get target() { return events.get(this).target; }
    get srcElement() { return events.get(this).target; }
    get currentTarget() { return events.get(this).currentTarget; }
    get eventPhase() { return events.get(this).phase; }
    get bubbles() { return has(this, BUBBLES); }
    get cancelable() { return has(this, CANCELABLE); }
    get composed() { return has(this, COMPOSED); }
    get defaultPrevented() { return has(this, CANCELED); }
    get timeStamp() { return events.get(this).timeStamp; }
    get returnValue() { return !has(this, CANCELED); }
    set returnValue(v) { const state = events.get(this); if (!v) setCanceled(state); }
    get cancelBubble() { return has(this, STOP); }
    set cancelBubble(v) { const state = events.get(this); if (v) state.flags |= STOP; }
    composedPath() {
      const { path, flags, target } = events.get(this);
      const items = idl.list();
      if (path !== undefined) for (let i = 0; i < path.length; i++) items[i] = path[i];
      else if ((flags & DISPATCHING) !== 0) items[0] = target;
      return idl.array(items);
    }
    stopPropagation() { events.get(this).flags |= STOP; }
    stopImmediatePropagation() { events.get(this).flags |= STOP | STOP_NOW; }
    preventDefault() { setCanceled(events.get(this)); }
    initEvent(type, bubbles = false, cancelable = false) {
      const state = events.get(this);
      need(arguments.length, 1, 'Event.initEvent');
      type = idl.DOMString(type);
      if ((state.flags & DISPATCHING) === 0) reinitialize(state, type, !!bubbles, !!cancelable);
    }
  }
  idl.define(Event, { __proto__: null, constants: phases });

  class CustomEvent {
    constructor(type, eventInitDict = undefined) {
      need(arguments.length, 1, 'new CustomEvent');
      construct(this, 'CustomEvent', type, eventInitDict, 'new CustomEvent', (get) => {
        const detail = get('detail');
        return { __proto__: null, detail: detail === undefined ? null : detail };
      });
    }
    get detail() { return dataOf(this, 'CustomEvent').detail; }
    initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
      const data = dataOf(this, 'CustomEvent'), state = events.get(this);
      need(arguments.length, 1, 'CustomEvent.initCustomEvent');
      type = idl.DOMString(type);
      if ((state.flags & DISPATCHING) !== 0) return;
      reinitialize(state, type, !!bubbles, !!cancelable);
      data.detail = detail;
    }
  }
  idl.inherit(idl.define(CustomEvent), Event);

  class ErrorEvent {
    constructor(type, eventInitDict = undefined) {
      need(arguments.length, 1, 'new ErrorEvent');
      construct(this, 'ErrorEvent', type, eventInitDict, 'new ErrorEvent', (get) => {
        const colno = idl.unsignedLong(get('colno'));
        const error = get('error');
        const filename = get('filename'), file = filename === undefined ? '' : idl.USVString(filename);
        const lineno = idl.unsignedLong(get('lineno'));
        const message = get('message');
        return {
          __proto__: null, message: message === undefined ? '' : idl.DOMString(message), filename: file, lineno, colno, error,
        };
      });
    }
    get message() { return dataOf(this, 'ErrorEvent').message; }
    get filename() { return dataOf(this, 'ErrorEvent').filename; }
    get lineno() { return dataOf(this, 'ErrorEvent').lineno; }
    get colno() { return dataOf(this, 'ErrorEvent').colno; }
    get error() { return dataOf(this, 'ErrorEvent').error; }
  }
  idl.inherit(idl.define(ErrorEvent), Event);

  const isPort = (v) => hooks.isPort !== undefined && hooks.isPort(v);
  const toSource = (v, where) => {
    if (v === undefined || v === null) return null;
    if (v === globalThis || isPort(v)) return v;
    throw idl.typeError(where, 'The source is not of type \'MessageEventSource\'.');
  };
  const toPort = (v, where) => {
    if (!isPort(v)) throw idl.typeError(where, 'The port is not of type \'MessagePort\'.');
    return v;
  };
  const toPorts = (v, where) => idl.readonlyArray(v === undefined ? idl.list() : idl.sequence(v, toPort, where));
  const text = (v, convert) => (v === undefined ? '' : convert(v));

  class MessageEvent {
    constructor(type, eventInitDict = undefined) {
      need(arguments.length, 1, 'new MessageEvent');
      construct(this, 'MessageEvent', type, eventInitDict, 'new MessageEvent', (get, where) => {
        const data = get('data');
        const lastEventId = text(get('lastEventId'), idl.DOMString);
        const origin = text(get('origin'), idl.USVString);
        const ports = toPorts(get('ports'), where);
        const source = toSource(get('source'), where);
        return { __proto__: null, data: data === undefined ? null : data, origin, lastEventId, source, ports };
      });
    }
    get data() { return dataOf(this, 'MessageEvent').data; }
    get origin() { return dataOf(this, 'MessageEvent').origin; }
    get lastEventId() { return dataOf(this, 'MessageEvent').lastEventId; }
    get source() { return dataOf(this, 'MessageEvent').source; }
    get ports() { return dataOf(this, 'MessageEvent').ports; }
    initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = '', lastEventId = '', source = null,
      ports = undefined) {
      const own = dataOf(this, 'MessageEvent'), state = events.get(this);
      const where = 'MessageEvent.initMessageEvent';
      need(arguments.length, 1, where);
      type = idl.DOMString(type);
      origin = idl.USVString(origin);
      lastEventId = idl.DOMString(lastEventId);
      source = toSource(source, where);
      ports = toPorts(ports, where);
      if ((state.flags & DISPATCHING) !== 0) return;
      reinitialize(state, type, !!bubbles, !!cancelable);
      own.data = data;
      own.origin = origin;
      own.lastEventId = lastEventId;
      own.source = source;
      own.ports = ports;
    }
  }
  idl.inherit(idl.define(MessageEvent), Event);

  class PromiseRejectionEvent {
    constructor(type, eventInitDict) {
      need(arguments.length, 2, 'new PromiseRejectionEvent');
      construct(this, 'PromiseRejectionEvent', type, eventInitDict, 'new PromiseRejectionEvent', (get, where) => {
        const promise = idl.object(get('promise'), where);
        return { __proto__: null, promise, reason: get('reason') };
      });
    }
    get promise() { return dataOf(this, 'PromiseRejectionEvent').promise; }
    get reason() { return dataOf(this, 'PromiseRejectionEvent').reason; }
  }
  idl.inherit(idl.define(PromiseRejectionEvent), Event);

  // An event that the platform itself makes. `Class` is an interface of events, `data` what it adds to Event.
  const create = (Class, kind, type, data, bubbles, cancelable) => {
    const event = { __proto__: Class.prototype };
    initialize(event, kind, type, TRUSTED | (bubbles === true ? BUBBLES : 0) | (cancelable === true ? CANCELABLE : 0), data);
    return event;
  };

  // ---- EventTarget ----

  const targets = idl.slot();
  const initializeTarget = (object) => {
    const state = { __proto__: null, types: undefined, serial: 0, handlers: undefined, parent: undefined, watch: undefined };
    targets.set(object, state);
    return state;
  };
  // Operations of the global scope can be called without it.
  const thisTarget = (object) => targets.get(object === undefined || object === null ? globalThis : object);
  const flatten = (options) => (isObject(options) ? !!options.capture : !!options);

  // The listeners of a type are a linked list in the order in which they were added. One that is removed keeps its own
  // link, so that a dispatch that stands on it finds its way; those that were added after a dispatch began have a higher
  // serial number.
  const listOf = (state, type) => (state.types === undefined ? undefined : state.types[type]);
  const find = (state, type, callback, capture) => {
    const list = listOf(state, type);
    if (list === undefined) return undefined;
    for (let l = list.first; l !== undefined; l = l.next) {
      if (l.callback === callback && ((l.flags & CAPTURE) !== 0) === capture) return l;
    }
    return undefined;
  };
  // The flags of a listener.
  const CAPTURE = 1, ONCE = 2, IS_PASSIVE = 4, REMOVED = 8, HANDLER = 16;
  const append = (target, state, listener) => {
    const { type } = listener;
    state.types ??= { __proto__: null };
    const list = (state.types[type] ??= { __proto__: null, first: undefined, last: undefined, size: 0, captures: 0 });
    listener.serial = ++state.serial;
    listener.previous = list.last;
    if (list.last === undefined) list.first = listener;
    else list.last.next = listener;
    list.last = listener;
    list.size++;
    if ((listener.flags & CAPTURE) !== 0) list.captures++;
    if (list.size === 1 && state.watch !== undefined) state.watch(target, type, true);
  };
  const remove = (target, state, listener) => {
    if ((listener.flags & REMOVED) !== 0) return;
    listener.flags |= REMOVED;
    const { type, previous, next } = listener;
    const list = state.types[type];
    if (previous === undefined) list.first = next;
    else previous.next = next;
    if (next === undefined) list.last = previous;
    else next.previous = previous;
    if ((listener.flags & CAPTURE) !== 0) list.captures--;
    if (--list.size === 0) {
      delete state.types[type];
      if (state.watch !== undefined) state.watch(target, type, false);
    }
    const { abort } = listener;
    if (abort !== undefined) hooks.removeAlgorithm(abort.signal, abort.remove);
  };
  const newListener = (type, callback, flags) => ({
    __proto__: null, type, callback, flags, abort: undefined, serial: 0, next: undefined, previous: undefined,
  });

  class EventTarget {
    constructor() { initializeTarget(this); }
    addEventListener(type, callback, options = undefined) {
      const target = this ?? globalThis, state = targets.get(target);
      const where = 'EventTarget.addEventListener';
      need(arguments.length, 2, where);
      if (typeof type !== 'string') type = idl.DOMString(type);
      if (callback === undefined) callback = null;
      else if (callback !== null && !isObject(callback)) {
        throw idl.typeError(where, 'parameter 2 is not of type \'Object\'.');
      }
      let flags = 0, signal;
      if (isObject(options)) {
        if (options.capture) flags |= CAPTURE;
        if (options.once) flags |= ONCE;
        if (options.passive) flags |= IS_PASSIVE;
        ({ signal } = options);
        if (signal !== undefined) {
          signal = hooks.signalState === undefined ? undefined : hooks.signalState(signal);
          if (signal === undefined) throw idl.typeError(where, 'member signal is not of type \'AbortSignal\'.');
          if (signal.aborted) return;
        }
      } else if (options) {
        flags = CAPTURE;
      }
      if (callback === null || find(state, type, callback, (flags & CAPTURE) !== 0) !== undefined) return;
      const listener = newListener(type, callback, flags);
      if (signal !== undefined) {
        listener.abort = { __proto__: null, signal, remove: () => remove(target, state, listener) };
        hooks.addAlgorithm(signal, listener.abort.remove);
      }
      append(target, state, listener);
    }
    removeEventListener(type, callback, options = undefined) {
      const target = this ?? globalThis, state = targets.get(target);
      const where = 'EventTarget.removeEventListener';
      need(arguments.length, 2, where);
      type = idl.DOMString(type);
      if (callback !== undefined && callback !== null && !isObject(callback)) {
        throw idl.typeError(where, 'parameter 2 is not of type \'Object\'.');
      }
      const listener = find(state, type, callback, flatten(options));
      if (listener !== undefined) remove(target, state, listener);
    }
    dispatchEvent(event) {
      const target = this ?? globalThis, state = targets.get(target);
      need(arguments.length, 1, 'EventTarget.dispatchEvent');
      if (!events.has(event)) throw idl.typeError('EventTarget.dispatchEvent', 'parameter 1 is not of type \'Event\'.');
      const own = events.get(event);
      if ((own.flags & DISPATCHING) !== 0) throw p.domException('The event is already being dispatched.', 'InvalidStateError');
      own.flags &= ~TRUSTED;
      return dispatchTo(target, state, event, own);
    }
  }
  idl.define(EventTarget);

  // ---- dispatch ----

  // Calls one listener. https://webidl.spec.whatwg.org/#call-a-user-objects-operation
  const callListener = (callback, currentTarget, event) => {
    if (typeof callback === 'function') {
      call(callback, currentTarget, event);
      return;
    }
    const { handleEvent } = callback;
    if (typeof handleEvent !== 'function') throw new p.TypeError('The event listener\'s handleEvent is not a function.');
    call(handleEvent, callback, event);
  };

  // https://dom.spec.whatwg.org/#concept-event-listener-inner-invoke
  const innerInvoke = (target, state, list, event, own, capturing) => {
    const limit = state.serial;
    for (let l = list.first; l !== undefined && l.serial <= limit; l = l.next) {
      const { flags, callback } = l;
      if ((flags & REMOVED) !== 0 || ((flags & CAPTURE) !== 0) !== capturing) continue;
      if ((flags & ONCE) !== 0) remove(target, state, l);
      if ((flags & IS_PASSIVE) !== 0) own.flags |= PASSIVE;
      try {
        if ((flags & HANDLER) !== 0) callHandler(callback, target, event, own);
        else callListener(callback, target, event);
      } catch (e) {
        p.reportException(e);
      }
      own.flags &= ~PASSIVE;
      if ((own.flags & STOP_NOW) !== 0) return;
    }
  };
  const invoke = (target, state, event, own, capturing) => {
    if ((own.flags & STOP) !== 0) return;
    const list = listOf(state, own.type);
    if (list === undefined || (capturing ? list.captures === 0 : list.captures === list.size)) return;
    own.currentTarget = target;
    innerInvoke(target, state, list, event, own, capturing);
  };

  // https://dom.spec.whatwg.org/#concept-event-dispatch, for trees without shadows: most targets have no parent at all.
  const dispatchTo = (target, state, event, own) => {
    own.flags |= DISPATCHING;
    own.target = target;
    if (state.parent === undefined) {
      own.phase = AT_TARGET;
      if (state.types !== undefined) {
        invoke(target, state, event, own, true);
        invoke(target, state, event, own, false);
      }
    } else {
      dispatchAlong(target, event, own);
    }
    own.phase = NONE;
    own.currentTarget = null;
    own.flags &= ~(DISPATCHING | STOP | STOP_NOW);
    return (own.flags & CANCELED) === 0;
  };
  const dispatchAlong = (target, event, own) => {
    const path = own.path = idl.list();
    path[0] = target;
    for (;;) {
      const { parent } = targets.get(path[path.length - 1]);
      const next = parent === undefined ? null : parent(event);
      if (next === null) break;
      path[path.length] = next;
    }
    for (let i = path.length - 1; i >= 0; i--) {
      own.phase = i === 0 ? AT_TARGET : CAPTURING_PHASE;
      invoke(path[i], targets.get(path[i]), event, own, true);
    }
    for (let i = 0; i < path.length; i++) {
      if (i > 0 && (own.flags & BUBBLES) === 0) break;
      own.phase = i === 0 ? AT_TARGET : BUBBLING_PHASE;
      invoke(path[i], targets.get(path[i]), event, own, false);
    }
    own.path = undefined;
  };

  // For glue: as dispatchEvent, with isTrusted as it is.
  const dispatch = (target, event) => dispatchTo(target, targets.get(target), event, events.get(event));
  const hasListeners = (target, type) => listOf(targets.get(target), type) !== undefined;
  // Fires a plain event. None is made if nobody listens. Returns whether it was not canceled.
  const fire = (target, type, cancelable) => {
    const state = targets.get(target);
    if (listOf(state, type) === undefined && state.parent === undefined) return true;
    return dispatch(target, create(Event, 'Event', type, undefined, false, cancelable));
  };
  // Lets events travel on: parent(event) gives the next target, or null.
  const setParent = (target, parent) => { targets.get(target).parent = parent; };
  // watch(target, type, any) is told when the first listener of a type comes and when the last one goes.
  const setWatch = (target, watch) => { targets.get(target).watch = watch; };

  // ---- event handlers ----

  // https://html.spec.whatwg.org/multipage/webappapis.html#the-event-handler-processing-algorithm
  const callHandler = (handler, target, event, own) => {
    const { value } = handler;
    if (typeof value !== 'function') return;
    if (target === globalThis && own.kind === 'ErrorEvent' && own.type === 'error') {
      const { message, filename, lineno, colno, error } = own.data;
      if (call(value, target, message, filename, lineno, colno, error) === true) setCanceled(own);
    } else if (call(value, target, event) === false) {
      setCanceled(own);
    }
  };
  // A handler stands among the listeners where it was first set; without one it leaves the list.
  const getHandler = (state, name) => {
    const handler = state.handlers === undefined ? undefined : state.handlers[name];
    return handler === undefined ? null : handler.value;
  };
  const setHandler = (target, state, name, type, value) => {
    state.handlers ??= { __proto__: null };
    const handler = state.handlers[name];
    if (!isObject(value)) {
      if (handler !== undefined) {
        remove(target, state, handler.listener);
        delete state.handlers[name];
      }
    } else if (handler !== undefined) {
      handler.value = value;
    } else {
      const listener = newListener(type, undefined, HANDLER);
      listener.callback = state.handlers[name] = { __proto__: null, value, listener };
      append(target, state, listener);
    }
  };

  // Defines an event handler IDL attribute such as onabort. `check(this)` throws if it is no object of the interface;
  // `onSet(this)` runs after a value was set.
  const handler = (Class, name, check, onSet) => {
    const type = call(p.StringPrototypeSlice, name, 2);
    const pair = {
      get [name]() {
        if (check !== undefined) check(this);
        return getHandler(thisTarget(this), name);
      },
      set [name](value) {
        if (check !== undefined) check(this);
        setHandler(this ?? globalThis, thisTarget(this), name, type, value);
        if (onSet !== undefined) onSet(this);
      },
    };
    const d = ObjectGetOwnPropertyDescriptor(pair, name);
    if (Class !== globalThis) {
      p.accessor(Class.prototype, name, d.get, d.set, true);
      return;
    }
    // What the guest has put in the place of the lazy accessor, whose two functions are one, stays.
    const own = ObjectGetOwnPropertyDescriptor(globalThis, name);
    if (own === undefined || p.ObjectSetPrototypeOf(own, null).get === undefined || own.get !== own.set) return;
    p.accessor(globalThis, name, d.get, d.set, true);
  };

  // ---- the global scope ----

  const makeGlobalTarget = () => {
    initializeTarget(globalThis);
    const names = ['onerror', 'onrejectionhandled', 'onunhandledrejection'];
    for (let i = 0; i < names.length; i++) handler(globalThis, names[i]);
    // Unless the guest has put something else there.
    if (p.ObjectGetPrototypeOf(globalThis) !== p.globalPrototype) return;
    try { p.ObjectSetPrototypeOf(globalThis, EventTarget.prototype); } catch { /* not extensible */ }
  };
  makeGlobalTarget();

  const digits = (s, from) => {
    let n = 0, i = from;
    for (; i < s.length; i++) {
      const c = call(p.StringPrototypeCharCodeAt, s, i);
      if (c < 48 || c > 57) break;
      n = n * 10 + c - 48;
    }
    return { __proto__: null, n, end: i };
  };
  // Where an error was made: 'file:line:column' in the first line of its stack that has one.
  const location = (error) => {
    const found = { __proto__: null, filename: '', lineno: 0, colno: 0 };
    if (!isObject(error) || engine.classOf(error) !== 'Error') return found;
    const stack = idl.stackOf(error);
    if (typeof stack !== 'string') return found;
    let start = 0;
    while (start < stack.length) {
      const newline = call(p.StringPrototypeIndexOf, stack, '\n', start);
      const end = newline < 0 ? stack.length : newline;
      const line = call(p.StringPrototypeSlice, stack, start, end);
      start = end + 1;
      const at = call(p.StringPrototypeIndexOf, line, 'at ');
      if (at < 0) continue;
      const paren = call(p.StringPrototypeIndexOf, line, '(', at);
      const from = paren < 0 ? at + 3 : paren + 1;
      for (let colon = call(p.StringPrototypeIndexOf, line, ':', from); colon >= 0;
        colon = call(p.StringPrototypeIndexOf, line, ':', colon + 1)) {
        const lineno = digits(line, colon + 1);
        if (lineno.end === colon + 1 || call(p.StringPrototypeCharCodeAt, line, lineno.end) !== 58) continue;
        const colno = digits(line, lineno.end + 1);
        if (colno.end === lineno.end + 1) continue;
        found.filename = call(p.StringPrototypeSlice, line, from, colon);
        found.lineno = lineno.n;
        found.colno = colno.n;
        return found;
      }
    }
    return found;
  };
  const describe = (error) => {
    try { return 'Uncaught ' + (typeof error === 'symbol' ? call(p.SymbolPrototypeToString, error) : p.ToString(error)); }
    catch { return 'Uncaught exception'; }
  };

  // https://html.spec.whatwg.org/multipage/webappapis.html#report-an-exception: whether a listener took it. What
  // a listener for errors throws is not reported to it again.
  let reporting = false;
  p.onException = (error) => {
    if (reporting || !hasListeners(globalThis, 'error')) return false;
    reporting = true;
    try {
      const { filename, lineno, colno } = location(error);
      const data = { __proto__: null, message: describe(error), filename, lineno, colno, error };
      return !dispatch(globalThis, create(ErrorEvent, 'ErrorEvent', 'error', data, false, true));
    } finally {
      reporting = false;
    }
  };

  // https://html.spec.whatwg.org/multipage/webappapis.html#notify-about-rejected-promises: whether a listener took it.
  const fireRejection = (type, promise, reason, cancelable) => {
    if (!hasListeners(globalThis, type)) return false;
    const data = { __proto__: null, promise, reason };
    return !dispatch(globalThis, create(PromiseRejectionEvent, 'PromiseRejectionEvent', type, data, false, cancelable));
  };

  engine.onRejections((promise, reason, handled) =>
    (handled ? fireRejection('rejectionhandled', promise, reason, false)
      : fireRejection('unhandledrejection', promise, reason, true)));

  const { addEventListener, removeEventListener, dispatchEvent } = EventTarget.prototype;
  p.exports = {
    __proto__: null, Event, CustomEvent, ErrorEvent, MessageEvent, PromiseRejectionEvent, EventTarget, hooks,
    // Of interfaces that inherit from Event and EventTarget.
    construct, dataOf, reinitialize, events, targets, initializeTarget,
    // Event handler attributes.
    handler,
    // What the platform does with events.
    create, dispatch, fire, hasListeners, setParent, setWatch,
    isEventTarget: targets.has, isEvent: events.has,
  };
  p.loaded = {
    Event, CustomEvent, ErrorEvent, MessageEvent, PromiseRejectionEvent, EventTarget,
    addEventListener, removeEventListener, dispatchEvent,
  };
})
