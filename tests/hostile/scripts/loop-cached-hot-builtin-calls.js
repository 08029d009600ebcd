// expect: deadline
// Optimising engines unroll loops of built-in calls; the stop must still reach them.
let total = 0;
for (let i = 0; ; i++) total += Math.abs(i) | 0;
