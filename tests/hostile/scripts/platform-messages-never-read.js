// expect: deadline|memory
const { port1 } = new MessageChannel();
for (;;) port1.postMessage({ text: 'nobody starts the other port' });
