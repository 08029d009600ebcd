// expect: ok
(async () => {
  const how = [(r) => r.text(), (r) => r.arrayBuffer(), (r) => r.blob(), async (r) => { for await (const c of r.body); }, (r) => r.clone().text()];
  for (const f of how) if (await f(await fetch("http://h/breaks")).then(() => "came", (e) => e.name) !== "TypeError") throw new Error("came");
})();
