// expect: deadline|memory
try {
  const all = [];
  for (let i = 0; ; i++) all.push(new Function('a', `return function f${i}() { return a + ${i}; }`));
} catch {}
for (;;) {}
