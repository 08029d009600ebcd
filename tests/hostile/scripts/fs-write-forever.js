// expect: memory|deadline|error
(async () => { const root = await navigator.storage.getDirectory(); const s = await (await root.getFileHandle('a', { create: true })).createWritable(); for (;;) await s.write('x'.repeat(100000)); })();
