// expect: deadline
Error.prepareStackTrace = () => {
  for (;;) {}
};
new Error('x').stack;
