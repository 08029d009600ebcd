// expect: deadline
setTimeout(() => {
  for (;;) new Array(1000).fill(1);
}, 0);
new Promise(() => {});
