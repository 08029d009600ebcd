// expect: deadline
for (;;) {
  try {
    for (;;) {}
  } catch {}
}
