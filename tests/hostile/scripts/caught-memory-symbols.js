// expect: deadline|memory
try {
  const all = [];
  for (;;) all.push(Symbol('s' + all.length), Symbol.for('f' + all.length));
} catch {}
for (;;) {}
