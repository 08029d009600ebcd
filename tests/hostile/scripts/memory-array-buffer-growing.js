// expect: memory|error
let n = 1 << 20;
let bytes = new Uint8Array(n);
for (;;) {
  const larger = new Uint8Array((n *= 2));
  larger.set(bytes);
  bytes = larger;
}
