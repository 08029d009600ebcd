// expect: deadline|memory
const registry = new FinalizationRegistry(() => {
  for (;;) {}
});
(async () => {
  for (;;) {
    registry.register({}, 'held');
    await null;
  }
})();
