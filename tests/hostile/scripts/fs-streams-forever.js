// expect: error
(async () => { const root = await navigator.storage.getDirectory(); const all = []; const f = await root.getFileHandle('a', { create: true }); for (;;) all.push(await f.createWritable()); })();
