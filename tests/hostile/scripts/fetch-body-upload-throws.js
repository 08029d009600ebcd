// expect: ok
(async () => {
  const bodies = [
    { pull() { throw new RangeError("x"); } }, { pull(c) { c.error("y"); } }, { async pull() { throw 1; } },
    { get pull() { throw new RangeError("z"); } },
  ];
  for (const source of bodies) {
    try { await (await fetch("http://h/echo", { method: "POST", duplex: "half", body: new ReadableStream(source) })).text(); }
    catch { continue; }
    throw new Error("sent");
  }
})();
