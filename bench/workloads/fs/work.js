// What is measured of files: the same work for each engine, over an `io` of its own. Gives milliseconds for each piece of work.
async function measure(io) {
  const MIB = 2 ** 20, FILES = 10000;
  const times = {};
  const timed = async (name, work) => {
    const start = performance.now();
    await work();
    times[name] = performance.now() - start;
  };
  const check = (holds) => { if (!holds) throw new Error('wrong'); };

  const chunk = new Uint8Array(MIB).fill(7);
  await timed('write', async () => {
    const file = await io.create('large');
    for (let i = 0; i < 1024; i++) await io.write(file, chunk);
    await io.close(file);
  });
  await timed('read', async () => {
    const file = await io.open('large');
    let sum = 0;
    for (let i = 0; i < 1024; i++) sum += (await io.read(file, i * MIB, MIB)).length;
    await io.done(file);
    check(sum === 1024 * MIB);
  });
  await timed('ranges', async () => {
    const file = await io.open('large');
    let at = 12345;
    for (let i = 0; i < 1000; i++) {
      at = (at * 1103515245 + 12345) % (1023 * MIB);
      check((await io.read(file, at, 4096)).length === 4096);
    }
    await io.done(file);
  });
  await io.remove('large');

  const text = 'x'.repeat(100);
  await timed('create', async () => { for (let i = 0; i < FILES; i++) await io.put('f' + i, text); });
  await timed('list', async () => { check((await io.list()).length === FILES); });
  await timed('get', async () => { for (let i = 0; i < FILES; i++) check((await io.get('f' + i)).length === 100); });
  await timed('remove', async () => { for (let i = 0; i < FILES; i++) await io.remove('f' + i); });
  return times;
}
