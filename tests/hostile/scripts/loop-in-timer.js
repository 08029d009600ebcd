// expect: deadline
new Promise(() => {
  setTimeout(() => {
    while (true) {}
  }, 0);
});
