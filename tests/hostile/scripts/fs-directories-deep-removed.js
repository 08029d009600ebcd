// expect: ok
(async () => { const root = await navigator.storage.getDirectory(); let d = root; for (let i = 0; i < 100; i++) d = await d.getDirectoryHandle('d', { create: true }); await root.removeEntry('d', { recursive: true }); })();
