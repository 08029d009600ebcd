// expect: error
throw Object.defineProperties(new Error('x'), {
  name: { value: null }, message: { value: undefined }, stack: { value: null }, constructor: { value: null },
});
