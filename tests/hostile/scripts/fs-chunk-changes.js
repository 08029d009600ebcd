// expect: ok
(async () => {
  const root = await navigator.storage.getDirectory(); const f = await root.getFileHandle('a', { create: true });
  const s = await f.createWritable(), b = new Uint8Array(1 << 21);
  const writes = [s.write(b), s.write({ type: 'write', get data() { return b; }, get position() { b.fill(1); return 0; } })];
  structuredClone(b.buffer, { transfer: [b.buffer] });
  await Promise.allSettled(writes);
  await s.close().catch(() => {});
})();
