// expect: ok
(async () => {
  for (const url of ["data:", "data:,", "data:;base64,", "data:text/plain;base64,%", "data:" + ",".repeat(1e5), "data:" + ";a=".repeat(1e4) + ",x", "data:;base64," + "A".repeat(1e6)]) {
    await fetch(url).then((r) => r.text(), (e) => { if (e.name !== "TypeError") throw e; });
  }
})();
