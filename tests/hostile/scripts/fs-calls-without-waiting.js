// expect: error|memory|deadline
(async () => { const root = await getDirectory('/disk'); const all = []; for (let i = 0; i < 100000; i++) all.push(root.getFileHandle('f' + i, { create: true })); await Promise.all(all); })();
