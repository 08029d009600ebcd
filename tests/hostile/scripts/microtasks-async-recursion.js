// expect: deadline|memory
async function f() {
  await null;
  return f();
}
f();
