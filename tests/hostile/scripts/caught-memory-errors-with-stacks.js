// expect: deadline|memory
try {
  const all = [];
  for (;;) all.push(new Error('x'.repeat(100)));
} catch {}
for (;;) {}
