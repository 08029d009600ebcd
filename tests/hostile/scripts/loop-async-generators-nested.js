// expect: deadline
async function* g() {
  for (;;) {
    try {
      for (;;) {}
    } catch {}
  }
}
async function* h() {
  try {
    for (;;) g().next();
  } finally {
    for (;;) {
      try {
        g().next();
      } catch {}
    }
  }
}
for (;;) {
  try {
    h().next();
  } catch {}
}
