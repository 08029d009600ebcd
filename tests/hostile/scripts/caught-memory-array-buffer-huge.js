// expect: deadline|memory
try {
  new Uint8Array(2 ** 31).length;
} catch {}
for (;;) {}
