// expect: error|ok
const a = new Uint8Array(100);
a.buffer.transfer?.();
a;
