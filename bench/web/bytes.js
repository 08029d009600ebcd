// Text of 64 MiB and a Blob of 256 MiB. Warm, in one process; the best of five.
'use strict';
const MiB = 1 << 20;
const encoder = new TextEncoder(), decoder = new TextDecoder();
const ascii = 'a'.repeat(64 * MiB), mixed = 'aé€😀'.repeat(6.4 * MiB);
const asciiBytes = encoder.encode(ascii), mixedBytes = encoder.encode(mixed);
const chunk = new Uint8Array(16 * MiB).fill(97);
const blob = new Blob(Array(16).fill(chunk));
const works = {
  'encode 64 MiB, ASCII': () => encoder.encode(ascii).length,
  'decode 64 MiB, ASCII': () => decoder.decode(asciiBytes).length,
  'encode 64 MiB, mixed': () => encoder.encode(mixed).length,
  'decode 64 MiB, mixed': () => decoder.decode(mixedBytes).length,
  'make a Blob of 256 MiB': () => new Blob(Array(16).fill(chunk)).size,
  'read it whole': async () => (await blob.arrayBuffer()).byteLength,
  'slice and read it by the MiB': async () => {
    let size = 0;
    for (let at = 0; at < blob.size; at += MiB) size += (await blob.slice(at, at + MiB).arrayBuffer()).byteLength;
    return size;
  },
  'stream it': async () => {
    let size = 0;
    for await (const part of blob.stream()) size += part.length;
    return size;
  },
};
(async () => {
  for (const [name, work] of Object.entries(works)) {
    await work();
    let best = Infinity;
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await work();
      best = Math.min(best, performance.now() - start);
    }
    console.log(name.padEnd(36), best.toFixed(1) + ' ms');
  }
})();
