// expect: deadline
let a;
for (;;) a = new Array(100).fill({});
