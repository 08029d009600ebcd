// expect: deadline
(async () => {
  try {
    await null;
    for (;;) {}
  } finally {
    for (;;) {}
  }
})();
