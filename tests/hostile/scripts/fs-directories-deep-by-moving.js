// expect: error|deadline
(async () => {
  for (const place of ['/', '/disk', '/plain']) {
    const root = await getDirectory(place);
    let whole = await root.getDirectoryHandle('a0', { create: true });
    for (let i = 1; i < 1000; i++) {
      const top = await root.getDirectoryHandle('a' + i, { create: true });
      let d = top;
      for (let j = 0; j < 90; j++) d = await d.getDirectoryHandle('d', { create: true });
      try { await whole.move(d); } catch (e) { if (place === '/plain') throw e; break; }
      whole = top;
    }
  }
})();
