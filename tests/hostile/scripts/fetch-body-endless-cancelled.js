// expect: ok
(async () => {
  for (let i = 0; i < 200; i++) {
    const r = await fetch("http://h/endless"), reader = r.body.getReader();
    await reader.read();
    if (i % 2) await reader.cancel(); else reader.releaseLock();
  }
})();
