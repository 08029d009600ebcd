// expect: memory|deadline|error
(async () => { const root = await getDirectory('/plain'); const s = await (await root.getFileHandle('a', { create: true })).createWritable(); for (;;) await s.write('x'.repeat(100000)); })();
