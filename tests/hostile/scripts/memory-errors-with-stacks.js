// expect: deadline|memory
const all = [];
for (;;) all.push(new Error('x'.repeat(100)));
