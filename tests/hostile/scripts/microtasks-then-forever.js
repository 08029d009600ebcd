// expect: deadline|memory
(function again() {
  return Promise.resolve().then(again);
})();
