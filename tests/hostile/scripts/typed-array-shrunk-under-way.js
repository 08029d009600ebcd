// expect: error|ok
const buffer = new ArrayBuffer(1000, { maxByteLength: 2000 });
const a = new Uint8Array(buffer);
a.fill({ valueOf() { buffer.resize(1); return 7; } });
a.set({ length: 1, get 0() { buffer.resize(0); return 1; } });
a.length;
