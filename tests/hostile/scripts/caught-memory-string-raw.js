// expect: deadline|memory
try {
  String.raw({ raw: { length: 1e9 } }).length;
} catch {}
for (;;) {}
