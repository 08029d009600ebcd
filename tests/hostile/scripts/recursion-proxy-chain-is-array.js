// expect: deadline|memory|error|ok
let p = [];
for (let i = 0; i < 200000; i++) p = new Proxy(p, {});
Array.isArray(p);
