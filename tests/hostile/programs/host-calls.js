(async () => {
  const kept = [];
  for (let i = 0; i < 30; i++) {
    const value = { i, text: 't'.repeat(i), list: [1n, new Date(i), /r/g, null], map: new Map([[i, new Set([i])]]), bytes: new Uint8Array(i) };
    const back = host.echo(value);
    if (back.i !== i || back.bytes.length !== i || back.map.get(i).size !== 1) throw new Error('wrong');
    kept.push(await host.later(back));
    try { host.fail(`f${i}`); } catch (e) { if (!(e instanceof RangeError)) throw e; }
    try { await host.failLater(`f${i}`); } catch (e) { if (e.name !== 'NotFoundError') throw e; }
    const counter = new Counter(i);
    counter.add(2);
    kept.push(counter);
  }
  const items = [];
  for await (const item of host.items(20)) items.push(item);
  if (items.length !== 20 || kept[1].value !== 2 || kept.length !== 60) throw new Error('wrong');
  return 'done';
})();
