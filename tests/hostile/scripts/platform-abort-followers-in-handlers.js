// expect: deadline|memory|error
const grow = () => {
  const c = new AbortController();
  AbortSignal.any([c.signal]).onabort = grow;
  c.abort();
};
for (;;) grow();
