// expect: error
(async () => { const f = await (await getDirectory('/disk')).getFileHandle('a', { create: true }); const a = await f.createSyncAccessHandle(); a.write(new Uint8Array(1), { at: 2 ** 52 }); })();
