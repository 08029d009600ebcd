// expect: ok
let depth = 0;
function f() {
  depth++;
  f();
}
for (let i = 0; i < 20; i++) {
  try {
    f();
  } catch (error) {
    if (!(error instanceof Error)) throw new TypeError('not an error');
  }
}
depth > 100;
