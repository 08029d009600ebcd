// expect: ok|error
(async () => { const root = await getDirectory('/disk'); const f = await root.getFileHandle('a', { create: true }); for (let i = 0; i < 200; i++) (await f.createWritable()).write('x').catch(() => {}); })();
