// expect: deadline
for (;;) {
  try {
    new Array(1000).fill(1);
  } catch {}
}
