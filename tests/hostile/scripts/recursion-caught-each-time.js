// expect: deadline|error
// Every level tries again: the number of calls is exponential.
function f() {
  try {
    f();
  } catch {
    f();
  }
}
f();
