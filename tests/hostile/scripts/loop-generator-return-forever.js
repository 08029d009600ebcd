// expect: deadline
function* g() {
  try {
    yield 1;
  } finally {
    for (;;) {}
  }
}
for (;;) {
  try {
    for (const each of g()) break;
  } catch {}
}
