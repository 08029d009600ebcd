// expect: deadline
(async () => {
  try {
    await null;
    for (;;) {}
  } catch {
    for (;;) {}
  }
})();
