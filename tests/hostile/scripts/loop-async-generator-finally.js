// expect: deadline
async function* g() {
  try {
    yield 1;
  } finally {
    for (;;) {}
  }
}
(async () => {
  for (;;) {
    try {
      for await (const each of g()) break;
    } catch {}
  }
})();
