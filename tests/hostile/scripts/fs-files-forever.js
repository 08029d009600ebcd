// expect: deadline|error
(async () => { const root = await navigator.storage.getDirectory(); for (let i = 0; ; i++) await root.getFileHandle('f' + i, { create: true }); })();
