// expect: deadline
const a = new Uint8Array(3e7);
for (let i = 0; ; i++) a.fill(i);
