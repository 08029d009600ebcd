// expect: ok
const h = new Headers();
for (let i = 0; i < 1e5; i++) h.append("x-" + (i % 5000), String(i));
if ([...h].length !== 5000) throw new Error("wrong");
fetch("http://h/echo", { headers: h }).then(() => { throw new Error("sent"); }, (e) => { if (e.name !== "TypeError") throw e; });
