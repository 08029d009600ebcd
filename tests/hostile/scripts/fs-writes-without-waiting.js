// expect: memory|deadline|error
(async () => { const root = await getDirectory('/disk'); const s = await (await root.getFileHandle('a', { create: true })).createWritable(); for (;;) s.write(new Uint8Array(1000)).catch(() => {}); })();
