// expect: deadline|memory|ok
Array(2 ** 32 - 1).sort().length;
