// expect: ok
const log = [];
Object.setPrototypeOf(CustomEvent, class { constructor() { log.push('parent called'); } });
Object.setPrototypeOf(AbortSignal, null);
Event.prototype.constructor = EventTarget.prototype.constructor = null;
EventTarget.prototype.dispatchEvent = EventTarget.prototype.addEventListener = () => log.push('patched');
Object.defineProperty(Object.prototype, 'handleEvent', { get() { log.push('handleEvent'); } });
const c = new AbortController();
c.signal.onabort = (e) => log.push(e.type);
new CustomEvent('x');
c.abort();
if (log.join() !== 'abort') throw new Error(log.join());
log.length;
