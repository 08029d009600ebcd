// expect: deadline|memory
const channels = Array.from({ length: 8 }, () => new BroadcastChannel('x'));
for (const c of channels) c.onmessage = (e) => { c.postMessage([e.data, e.data]); };
channels[0].postMessage('x');
new Promise(() => {});
