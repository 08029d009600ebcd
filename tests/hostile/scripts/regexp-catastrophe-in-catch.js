// expect: deadline
for (;;) {
  try {
    /^(a+)+$/.test('a'.repeat(60) + '!');
  } catch {}
}
