// expect: deadline
const a = new Float64Array(5e6);
for (;;) a.indexOf(1) + a.lastIndexOf(1) + a.includes(2) + a.reverse().length;
