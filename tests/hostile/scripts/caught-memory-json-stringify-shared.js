// expect: deadline|memory
try {
  let a = [];
  for (let i = 0; i < 40; i++) a = [a, a];
  JSON.stringify(a).length;
} catch {}
for (;;) {}
