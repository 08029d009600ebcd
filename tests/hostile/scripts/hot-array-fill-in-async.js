// expect: deadline
(async () => {
  for (;;) {
    new Array(1000).fill(1);
    await null;
  }
})();
