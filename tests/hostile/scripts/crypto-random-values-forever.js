// expect: deadline
const all = new Uint8Array(65536);
for (;;) {
  crypto.getRandomValues(all);
  crypto.randomUUID();
}
