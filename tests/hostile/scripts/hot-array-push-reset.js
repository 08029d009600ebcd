// expect: deadline
let a = [];
for (;;) {
  a.push(new Array(1000).fill(1));
  if (a.length > 1e3) a = [];
}
