// expect: deadline|memory
const h = new Headers({ a: "1" });
let n = 0;
for (const [name] of h) { h.append(name + n++, "x"); }
