// expect: deadline|memory|error|ok
const o = {};
Object.defineProperty(o, 'k', { enumerable: true, get() { for (let i = 0; i < 1000; i++) o['k' + Math.random()] = 1; return 1; } });
o;
