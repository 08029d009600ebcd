// expect: deadline|error|ok
// No sandbox should let a guest put its thread to sleep.
Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0);
