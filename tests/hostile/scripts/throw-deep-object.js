// expect: memory|error
let o = {};
for (let i = 0; i < 100000; i++) o = { o };
throw o;
