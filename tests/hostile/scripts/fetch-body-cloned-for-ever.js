// expect: memory|deadline|error
(async () => { let r = await fetch("http://h/endless"); const all = []; for (;;) all.push(r.clone()); })();
