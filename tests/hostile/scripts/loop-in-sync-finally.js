// expect: deadline
// `continue` in finally would throw away any exception that was under way.
for (;;) {
  try {
    for (;;) {}
  } finally {
    continue;
  }
}
