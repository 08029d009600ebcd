// expect: deadline
new Promise(() => {
  (function again() {
    queueMicrotask(again);
  })();
});
