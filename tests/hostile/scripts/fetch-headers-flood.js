// expect: memory|deadline
const h = new Headers();
for (let i = 0; ; i++) h.append("x" + i, "v".repeat(100));
