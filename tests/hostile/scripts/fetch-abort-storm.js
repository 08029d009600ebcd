// expect: ok
(async () => {
  for (let i = 0; i < 300; i++) {
    const c = new AbortController();
    const p = fetch(["http://h/never", "http://h/endless", "http://h/echo"][i % 3], { signal: c.signal }).then((r) => i % 2 ? r.text() : r);
    if (i % 4 === 0) c.abort(); else queueMicrotask(() => c.abort(i));
    await p.catch(() => {});
    c.abort();
  }
})();
