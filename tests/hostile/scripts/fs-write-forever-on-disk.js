// expect: deadline|error
(async () => { const root = await getDirectory('/disk'); const s = await (await root.getFileHandle('a', { create: true })).createWritable(); for (;;) await s.write(new Uint8Array(1 << 20)); })();
