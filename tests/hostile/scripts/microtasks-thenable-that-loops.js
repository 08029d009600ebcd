// expect: deadline
(async () => {
  await { then() { for (;;) {} } };
})();
