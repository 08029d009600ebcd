// expect: deadline|memory
try {
  function count() {
    return arguments.length;
  }
  let a = new Array(1000).fill(1);
  for (;;) {
    count(...a);
    a = [...a, ...a];
  }
} catch {}
for (;;) {}
