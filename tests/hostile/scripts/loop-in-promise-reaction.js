// expect: deadline
Promise.resolve().then(() => {
  while (true) {}
});
