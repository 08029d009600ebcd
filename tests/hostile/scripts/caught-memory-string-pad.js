// expect: deadline|memory
try {
  'a'.padStart(2 ** 29, 'xyz').length;
} catch {}
for (;;) {}
