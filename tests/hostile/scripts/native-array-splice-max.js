// expect: deadline|memory|error|ok
const a = Array(2 ** 32 - 2);
a.splice(0, 1);
a.unshift(0);
a.shift();
a.length;
