// expect: deadline|memory|ok
let p = Promise.resolve(1);
for (let i = 0; i < 300000; i++) {
  const inner = p;
  p = new Promise((resolve) => resolve(inner));
}
p;
