// expect: deadline|memory|error|ok
const again = () => { const c = new AbortController(); c.signal.addEventListener("abort", again); fetch("http://h/never", { signal: c.signal }).catch(() => {}); c.abort(); };
again();
