// expect: deadline|ok
Array(2 ** 32 - 1).forEach(() => {});
