// expect: deadline|memory
const { signal } = new AbortController();
for (let s = signal; ; s = AbortSignal.any([s, signal, AbortSignal.timeout(1e6)])) s.onabort = () => {};
