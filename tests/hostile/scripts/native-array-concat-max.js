// expect: deadline|memory|ok
[].concat(Array(2 ** 32 - 1), [1].slice(1)).length;
