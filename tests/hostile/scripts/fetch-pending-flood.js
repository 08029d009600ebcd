// expect: ok
let refused = 0;
for (let i = 0; i < 10000; i++) fetch("http://h/never/" + i).catch((e) => { if (e.name === "QuotaExceededError") refused++; });
setTimeout(() => { if (refused < 5000) throw new Error("refused " + refused); }, 0);
