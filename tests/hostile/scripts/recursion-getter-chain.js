// expect: memory|error
let o = { get a() { return 1; } };
for (let i = 0; i < 100000; i++) {
  const inner = o;
  o = { get a() { return inner.a + 1; } };
}
o.a;
