// expect: memory|error
let s = 'x';
for (;;) s += s;
