// expect: deadline
async function* g() {
  for (;;) {}
}
for (;;) g().next();
