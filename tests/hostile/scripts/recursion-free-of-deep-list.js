// expect: ok
let list = null;
for (let i = 0; i < 200000; i++) list = { list };
list = null;
1;
