// expect: deadline|memory|error
const a = [];
a[1e9] = 1;
a;
