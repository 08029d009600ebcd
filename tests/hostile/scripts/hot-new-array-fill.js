// expect: deadline
// Filling a new array is inlined, and its loop may lose the look-out for a stop.
for (;;) new Array(1000).fill(1);
