// Events, signals, clones, messages and measurements.
const log = [];
const target = new EventTarget(), controller = new AbortController();
target.addEventListener('x', (e) => log.push(e.type), { signal: controller.signal, once: true });
target.dispatchEvent(new CustomEvent('x', { detail: 1 }));
const any = AbortSignal.any([controller.signal, AbortSignal.timeout(1000)]);
any.onabort = () => log.push('aborted');
controller.abort();
onerror = () => true;
reportError(new Error('reported'));
onunhandledrejection = (e) => e.preventDefault();
Promise.reject(new Error('rejected'));
const date = new Date(0), buffer = new Uint8Array([1, 2, 3]).buffer;
log.push(structuredClone({ date, map: new Map([[1, new Set([date])]]), list: [1, , 3], regexp: /a/g }).list.length);
log.push(structuredClone({ get error() { return new TypeError('x', { cause: 1 }); }, buffer }, { transfer: [buffer] }).buffer.byteLength);
try { structuredClone(() => {}); } catch (e) { log.push(e.name); }
const { port1, port2 } = new MessageChannel();
port2.onmessage = (e) => log.push(e.data.x, e.ports.length);
port1.postMessage({ x: 1 }, [new MessageChannel().port1]);
const [a, b] = [new BroadcastChannel('c'), new BroadcastChannel('c')];
a.onmessage = (e) => log.push(e.data);
b.postMessage('broadcast');
new PerformanceObserver((list) => log.push(list.getEntries().length)).observe({ entryTypes: ['mark', 'measure'] });
performance.mark('m', { detail: { x: 1 } });
performance.measure('n', 'm');
queueMicrotask(() => log.push(navigator.userAgent.length > 0));
new Promise((resolve) => setTimeout(() => { if (log.length !== 10) throw new Error(log.join()); resolve("done"); }, 1));
