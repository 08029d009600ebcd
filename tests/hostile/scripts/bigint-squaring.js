// expect: deadline|memory|error
let x = 3n;
for (;;) x *= x;
