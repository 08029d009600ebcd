// expect: deadline
const a = new Uint8Array(3e7);
for (;;) a.set(a.subarray(1));
