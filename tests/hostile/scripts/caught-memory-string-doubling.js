// expect: deadline|memory
try {
  let s = 'x';
  for (;;) s += s;
} catch {}
for (;;) {}
