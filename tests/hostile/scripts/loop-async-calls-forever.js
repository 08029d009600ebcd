// expect: deadline
// Stopping f rejects its promise instead of ending the caller, unless a stop cannot be caught.
async function f() {
  for (;;) {}
}
for (;;) f();
