// expect: ok
let deep = {};
for (let i = 0; i < 100000; i++) deep = { deep };
deep.self = deep;
console.log(deep);
console.dir(deep, { depth: Infinity, showHidden: true });
