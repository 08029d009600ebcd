// expect: error
(async () => { let d = await navigator.storage.getDirectory(); for (;;) d = await d.getDirectoryHandle('d', { create: true }); })();
