// expect: deadline|error|ok
new Promise((resolve) => {
  setTimeout(() => { throw null; }, 0);
  setTimeout(resolve, 1, 'still here');
});
