// expect: deadline
function* g() {
  try {
    for (;;) {}
  } finally {
    for (;;) {}
  }
}
for (;;) {
  try {
    [...g()];
  } catch {}
}
