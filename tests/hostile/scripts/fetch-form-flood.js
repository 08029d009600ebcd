// expect: memory|deadline
const form = new FormData();
for (let i = 0; ; i++) form.append("n" + i, "v".repeat(1000));
