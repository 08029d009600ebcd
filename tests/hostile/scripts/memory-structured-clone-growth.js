// expect: deadline|memory|error
// Where structuredClone is missing this is an ordinary ReferenceError.
let a = [new Uint8Array(1 << 20)];
for (;;) a = [structuredClone(a), structuredClone(a)];
