// expect: deadline|memory
try {
  const a = [];
  for (;;) a.push(a.length);
} catch {}
for (;;) {}
