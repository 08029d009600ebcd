// expect: deadline|memory
try {
  [...'.'.repeat(2e7)];
} catch {}
for (;;) {}
