// expect: deadline|memory
try {
  'a'.repeat(2 ** 29).length;
} catch {}
for (;;) {}
