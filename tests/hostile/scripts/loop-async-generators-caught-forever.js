// expect: deadline
// The stop arrives inside g every time, never in the loop around it.
async function* g() {
  for (;;) {}
}
for (;;) {
  try {
    g().next();
  } catch {}
}
