// expect: deadline
let x = 1n;
for (;;) x = (x * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
