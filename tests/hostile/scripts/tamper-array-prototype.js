// expect: ok
for (const name of Object.getOwnPropertyNames(Array.prototype)) {
  if (typeof Array.prototype[name] === 'function') Array.prototype[name] = () => { for (;;) {} };
}
console.log('still', { a: [1, 2] });
[1, [2], { three: 3 }];
