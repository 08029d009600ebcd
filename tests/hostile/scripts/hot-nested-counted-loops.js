// expect: deadline
let x = 0;
for (;;) for (let i = 0; i < 8; i++) for (let j = 0; j < 8; j++) x = (x + i * j) | 0;
