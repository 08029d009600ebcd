// expect: deadline|memory
try {
  '\u0390'.repeat(6e6).toLocaleUpperCase().length;
} catch {}
for (;;) {}
