// expect: deadline
(async () => { const root = await getDirectory('/disk'); const f = await root.getFileHandle('a', { create: true }); const s = await f.createWritable(); s.write(new Uint8Array(3e6)); for (;;); })();
