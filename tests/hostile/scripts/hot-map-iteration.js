// expect: deadline
const m = new Map(Array.from({ length: 100 }, (_, i) => [i, i]));
let x = 0;
for (;;) for (const [k, v] of m) x += k + v;
