// expect: deadline|memory|error
const all = [];
for (;;) all.push(new Uint8Array(100));
