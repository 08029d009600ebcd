// expect: ok|error
(async () => {
  const chunk = new Uint8Array(1000);
  const body = new ReadableStream({ type: "bytes", pull(c) { const b = new Uint8Array(1000); c.enqueue(b); structuredClone(chunk.buffer, { transfer: [chunk.buffer] }); c.close(); } });
  await (await fetch("http://h/echo", { method: "POST", duplex: "half", body })).arrayBuffer();
})();
