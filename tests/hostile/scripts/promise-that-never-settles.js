// expect: deadline|error
new Promise(() => {});
