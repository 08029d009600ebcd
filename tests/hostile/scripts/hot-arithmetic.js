// expect: deadline
let x = 1;
for (;;) x = (Math.imul(x, 1103515245) + 12345) | 0;
