// expect: deadline|memory
try {
  const map = new WeakMap();
  let last = {};
  for (;;) {
    const next = { last };
    map.set(next, new Array(10).fill(next));
    last = next;
  }
} catch {}
for (;;) {}
