// expect: deadline|memory|error
2n ** (2n ** 30n);
