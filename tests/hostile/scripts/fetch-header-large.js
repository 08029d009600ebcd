// expect: ok
Promise.all([
  fetch("http://h/echo", { headers: { a: "v".repeat(1 << 20) } }).then(() => { throw new Error("sent"); }, (e) => e.name),
  ...["a\nb", "a\rb", "a\0b", "\u0100"].map((v) => fetch("http://h/", { headers: { a: v } }).then(() => { throw new Error("sent"); }, (e) => e.name)),
  ...["a b", "a\n", "", "a:b", "\u00e9"].map((n) => fetch("http://h/", { headers: [[n, "v"]] }).then(() => { throw new Error("sent"); }, (e) => e.name)),
]).then((names) => { if (names.some((n) => n !== "TypeError")) throw new Error(names.join()); });
