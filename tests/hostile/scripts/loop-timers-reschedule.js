// expect: deadline
new Promise(() => {
  (function again() {
    setTimeout(again, 0);
  })();
});
