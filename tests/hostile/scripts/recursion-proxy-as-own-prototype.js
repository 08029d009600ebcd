// expect: error
const target = {};
const p = new Proxy(target, {});
Object.setPrototypeOf(target, p);
p.x;
