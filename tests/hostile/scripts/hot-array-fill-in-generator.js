// expect: deadline
function* g() {
  for (;;) {
    new Array(1000).fill(1);
    yield 1;
  }
}
for (const x of g());
