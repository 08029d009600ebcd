// expect: deadline|ok
const long = 'a'.repeat(3e6);
const strings = Array.from({ length: 4000 }, (_, i) => ({ toString: () => long, i }));
strings.sort().length;
