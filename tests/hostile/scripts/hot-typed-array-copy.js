// expect: deadline
const a = new Float64Array(64), b = new Float64Array(64);
for (;;) for (let i = 0; i < 64; i++) b[i] = a[i] + 1;
