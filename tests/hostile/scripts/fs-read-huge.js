// expect: memory|error|deadline
(async () => { const root = await navigator.storage.getDirectory(); const f = await root.getFileHandle('a', { create: true }); const s = await f.createWritable(); await s.truncate(60e6); await s.close(); const all = []; for (;;) all.push(await (await f.getFile()).arrayBuffer()); })();
