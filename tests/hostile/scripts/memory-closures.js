// expect: deadline|memory
const all = [];
for (;;) {
  const n = all.length;
  all.push(() => n);
}
