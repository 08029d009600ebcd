// expect: error|ok
const a = [1, 2, 3, 4, 5];
Object.defineProperty(a, 1, { enumerable: true, get() { a.length = 2; return 0; } });
a;
