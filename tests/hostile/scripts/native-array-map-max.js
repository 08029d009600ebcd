// expect: deadline|memory|error|ok
Array(2 ** 32 - 1).map((each) => each).length;
