// expect: deadline
for (;;) {
  let s = '';
  for (let i = 0; i < 200; i++) s += i;
}
