// expect: deadline|memory
const a = [];
for (;;) a.push(a.length);
