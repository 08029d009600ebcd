// expect: deadline|memory|ok
let o = {};
for (let i = 0; i < 200000; i++) o = Object.create(o);
for (let i = 0; i < 1000; i++) o.missing;
for (const key in o);
