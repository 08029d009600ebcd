// expect: deadline
function f(n) {
  let x = 0;
  for (let i = 0; i < n; i++) x += new Array(50).fill(i)[7];
  return x;
}
for (let i = 0; i < 2000; i++) f(10);
f(Infinity);
