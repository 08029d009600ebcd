// expect: deadline
const a = [1, 2, 3, 4];
let x = 0;
for (;;) x += a.map((v) => v + 1).filter((v) => v > 2).reduce((p, c) => p + c, 0);
