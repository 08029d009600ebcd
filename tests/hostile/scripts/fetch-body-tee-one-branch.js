// expect: memory|deadline|error
(async () => { const r = await fetch("http://h/endless"), other = r.clone(); for await (const chunk of r.body); })();
