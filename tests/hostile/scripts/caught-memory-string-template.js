// expect: deadline|memory
try {
  const part = 'x'.repeat(1e6);
  `${part.repeat(50)}${part.repeat(50)}`.length;
} catch {}
for (;;) {}
