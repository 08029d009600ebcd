// expect: deadline|error
Error.prepareStackTrace = () => {
  for (;;) {}
};
null.x;
