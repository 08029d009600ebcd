// expect: deadline
const { port1, port2 } = new MessageChannel();
port1.onmessage = port2.onmessage = (e) => e.target.postMessage(e.data);
port1.postMessage('ping');
new Promise(() => {});
