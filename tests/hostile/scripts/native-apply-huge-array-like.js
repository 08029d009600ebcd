// expect: deadline|memory|error
Math.max.apply(null, { length: 1e9 });
