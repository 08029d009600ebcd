// expect: deadline|memory
try {
  'x'.repeat(1e7).match(/(?:)/g).length;
} catch {}
for (;;) {}
