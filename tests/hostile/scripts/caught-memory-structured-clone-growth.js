// expect: deadline|memory
// Where structuredClone is missing this is an ordinary ReferenceError.
try {
  let a = [new Uint8Array(1 << 20)];
  for (;;) a = [structuredClone(a), structuredClone(a)];
} catch {}
for (;;) {}
