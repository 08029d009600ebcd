// Messages between ports and channels: https://html.spec.whatwg.org/multipage/web-messaging.html
//
// All of them are in one realm, so a message is cloned when it is sent, once for each receiver, and waits as the clone.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const events = p.use('events');
  const cloning = p.use('clone');
  const tasks = p.use('tasks');
  const { MessageEvent } = events;

  const deliver = (target, data, ports, origin) => {
    const own = { __proto__: null, data, origin, lastEventId: '', source: null, ports: idl.readonlyArray(ports) };
    events.dispatch(target, events.create(MessageEvent, 'MessageEvent', 'message', own));
  };

  // ---- MessagePort ----

  // A port is one end of a channel. Ends outlive ports: a transfer takes an end from one port and gives it to another.
  const ports = idl.slot();
  const newEnd = () => ({ __proto__: null, port: undefined, peer: undefined, enabled: false, first: undefined, last: undefined });
  const newPort = (end) => {
    const port = { __proto__: MessagePort.prototype };
    events.initializeTarget(port);
    ports.set(port, { __proto__: null, end });
    end.port = port;
    return port;
  };
  const entangle = (a, b) => {
    a.peer = b;
    b.peer = a;
  };
  // The task of one message. Where the end has moved to meanwhile, the message goes too.
  const receive = (end) => {
    const message = end.first;
    if (message === undefined || !end.enabled || end.port === undefined) return;
    end.first = message.next;
    if (end.first === undefined) end.last = undefined;
    deliver(end.port, message.data, message.ports, '');
  };
  const enqueue = (end, data, moved) => {
    const message = { __proto__: null, data, ports: moved, next: undefined };
    if (end.last === undefined) end.first = message;
    else end.last.next = message;
    end.last = message;
    if (end.enabled) tasks.queue(() => receive(end));
  };
  const start = (end) => {
    if (end === undefined || end.enabled) return;
    end.enabled = true;
    for (let m = end.first; m !== undefined; m = m.next) tasks.queue(() => receive(end));
  };
  const close = (port) => {
    const state = ports.get(port);
    const { end } = state;
    if (end === undefined) return;
    const { peer } = end;
    state.end = undefined;
    end.port = end.peer = undefined;
    if (peer === undefined) return;
    peer.peer = undefined;
    tasks.queue(() => { if (peer.port !== undefined) events.fire(peer.port, 'close'); });
  };
  const post = (port, message, list) => {
    const { end } = ports.get(port);
    const peer = end === undefined ? undefined : end.peer;
    let doomed = false;
    if (list !== undefined) {
      for (let i = 0; i < list.length; i++) {
        if (list[i] === port) throw p.domException('A port cannot be transferred through itself.', 'DataCloneError');
        if (peer !== undefined && list[i] === peer.port) doomed = true;
      }
    }
    const moved = idl.list();
    const data = cloning.clone(message, list, moved);
    if (peer === undefined || doomed) return;
    const received = idl.list();
    for (let i = 0; i < moved.length; i++) if (ports.has(moved[i])) received[received.length] = moved[i];
    enqueue(peer, data, received);
  };
  // The second argument of postMessage(): a list of transferables, or options.
  const listOf = (options, where) => {
    if (!idl.isObject(options)) return cloning.transferList(options, where);
    const method = options[p.SymbolIterator];
    if (method === undefined || method === null) return cloning.transferList(options, where);
    return idl.sequenceFrom(options, idl.callback(method, where), idl.object, where);
  };

  class MessagePort {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    postMessage(message, options = undefined) {
      ports.get(this);
      idl.need(arguments.length, 1, 'MessagePort.postMessage');
      post(this, message, listOf(options, 'MessagePort.postMessage'));
    }
    start() { start(ports.get(this).end); }
    close() { close(this); }
  }
  idl.inherit(idl.define(MessagePort), events.EventTarget);
  events.handler(MessagePort, 'onmessage', ports.get, (port) => start(ports.get(port).end));
  events.handler(MessagePort, 'onmessageerror', ports.get);
  events.handler(MessagePort, 'onclose', ports.get);
  events.hooks.isPort = ports.has;

  p.transferable('MessagePort', {
    __proto__: null,
    test: ports.has,
    transfer(port) {
      const state = ports.get(port);
      const { end } = state;
      if (end === undefined) throw p.domException('A port in the transfer list is detached.', 'DataCloneError');
      state.end = undefined;
      end.port = undefined;
      end.enabled = false;
      return end;
    },
    receive: newPort,
  });

  const newChannel = () => {
    const a = newEnd(), b = newEnd();
    entangle(a, b);
    return { __proto__: null, port1: newPort(a), port2: newPort(b) };
  };
  class MessageChannel {
    #ports = newChannel();
    get port1() { return this.#ports.port1; }
    get port2() { return this.#ports.port2; }
  }
  idl.define(MessageChannel);

  // ---- BroadcastChannel ----

  // The open channels of each name, in the order in which they were made.
  const channels = new p.Map();
  const broadcasts = idl.slot();
  const leave = (state) => {
    if (state.closed) return;
    state.closed = true;
    const list = p.call(p.MapPrototypeGet, channels, state.name);
    if (state.previous === undefined) list.first = state.next;
    else state.previous.next = state.next;
    if (state.next === undefined) list.last = state.previous;
    else state.next.previous = state.previous;
    if (list.first === undefined) p.call(p.MapPrototypeDelete, channels, state.name);
  };

  class BroadcastChannel {
    constructor(name) {
      idl.need(arguments.length, 1, 'new BroadcastChannel');
      name = idl.DOMString(name);
      events.initializeTarget(this);
      let list = p.call(p.MapPrototypeGet, channels, name);
      if (list === undefined) {
        list = { __proto__: null, first: undefined, last: undefined };
        p.call(p.MapPrototypeSet, channels, name, list);
      }
      const state = { __proto__: null, name, object: this, closed: false, previous: list.last, next: undefined };
      broadcasts.set(this, state);
      if (list.last === undefined) list.first = state;
      else list.last.next = state;
      list.last = state;
    }
    get name() { return broadcasts.get(this).name; }
    postMessage(message) {
      const state = broadcasts.get(this);
      idl.need(arguments.length, 1, 'BroadcastChannel.postMessage');
      if (state.closed) throw p.domException('The channel is closed.', 'InvalidStateError');
      // Read once; each receiver gets a clone of this one.
      const data = cloning.clone(message, undefined, undefined);
      for (let other = p.call(p.MapPrototypeGet, channels, state.name)?.first; other !== undefined; other = other.next) {
        if (other === state) continue;
        const receiver = other, copy = cloning.clone(data, undefined, undefined);
        tasks.queue(() => { if (!receiver.closed) deliver(receiver.object, copy, idl.list(), 'null'); });
      }
    }
    close() { leave(broadcasts.get(this)); }
  }
  idl.inherit(idl.define(BroadcastChannel), events.EventTarget);
  events.handler(BroadcastChannel, 'onmessage', broadcasts.get);
  events.handler(BroadcastChannel, 'onmessageerror', broadcasts.get);

  p.exports = { __proto__: null, MessagePort, MessageChannel, BroadcastChannel, newChannel, isPort: ports.has, post, start, close };
  p.loaded = { MessageChannel, MessagePort, BroadcastChannel };
})
