// expect: deadline
(async () => { const f = await (await getDirectory('/disk')).getFileHandle('a', { create: true }); const a = await f.createSyncAccessHandle(); const b = new Uint8Array(4096); for (;;) { a.write(b, { at: 0 }); a.read(b, { at: 0 }); a.flush(); } })();
