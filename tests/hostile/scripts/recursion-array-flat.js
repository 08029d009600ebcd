// expect: memory|error|ok
let a = [1];
for (let i = 0; i < 200000; i++) a = [a];
a.flat(Infinity).length;
