// expect: deadline|memory
try {
  const all = [];
  for (;;) {
    const n = all.length;
    all.push(() => n);
  }
} catch {}
for (;;) {}
