// expect: deadline|memory
const all = [];
for (;;) all.push(Symbol('s' + all.length), Symbol.for('f' + all.length));
