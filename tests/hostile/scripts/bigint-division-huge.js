// expect: deadline|memory|error|ok
const a = (1n << 1000000n) - 1n;
const b = (1n << 500000n) - 3n;
for (let i = 0; i < 50; i++) a / b;
