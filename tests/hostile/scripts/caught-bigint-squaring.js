// expect: deadline|memory
try {
  let x = 3n;
  for (;;) x *= x;
} catch {}
for (;;) {}
