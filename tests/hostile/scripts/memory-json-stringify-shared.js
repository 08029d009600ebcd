// expect: deadline|memory|error
let a = [];
for (let i = 0; i < 40; i++) a = [a, a];
JSON.stringify(a).length;
