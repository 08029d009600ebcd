// expect: deadline|memory
try {
  [...'.'.repeat(1e9)];
} catch {}
for (;;) {}
