// 1 GiB in chunks of 64 KiB through two TransformStreams that hand on what they get.
const CHUNK = 64 << 10, CHUNKS = 16_384;

async function pipe(chunk) {
  let left = CHUNKS, size = 0;
  const source = new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk());
      else controller.close();
    },
  });
  const pass = () => new TransformStream({ transform: (part, controller) => controller.enqueue(part) });
  await source.pipeThrough(pass()).pipeThrough(pass()).pipeTo(new WritableStream({ write(part) { size += part.length; } }));
  return size;
}

const same = new Uint8Array(CHUNK).fill(97);
run(3, {
  same: () => pipe(() => same),
  fresh: () => pipe(() => new Uint8Array(CHUNK)),
});
