// expect: deadline|memory
try {
  const all = [];
  for (;;) all.push(new Uint8Array(100));
} catch {}
for (;;) {}
