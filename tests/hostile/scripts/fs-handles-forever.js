// expect: memory|deadline
(async () => { const root = await navigator.storage.getDirectory(); const all = []; const f = await root.getFileHandle('a', { create: true }); for (;;) all.push(structuredClone(f), await f.getFile()); })();
