// expect: deadline|memory
// What was allocated stays, so that each catch starts with no memory left.
const all = [];
for (;;) {
  try {
    for (;;) all.push({});
  } catch {
    try {
      for (;;) all.push(Symbol());
    } catch {}
  }
}
