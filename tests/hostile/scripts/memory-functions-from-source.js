// expect: deadline|memory
const all = [];
for (let i = 0; ; i++) all.push(new Function('a', `return function f${i}() { return a + ${i}; }`));
