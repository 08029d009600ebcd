// expect: deadline|memory|error|ok
const x = (1n << 1000000n) - 1n;
for (let i = 0; i < 20; i++) x.toString();
