// expect: memory|error|ok
let a = ['x'];
for (let i = 0; i < 200000; i++) a = [a];
String(a);
