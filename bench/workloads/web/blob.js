// A Blob of 256 MiB, of 16 parts.
const part = new Uint8Array(16 * MiB).fill(97);
const make = () => new Blob(Array(16).fill(part));
const blob = make();

async function slices() {
  let size = 0;
  for (let at = 0; at < blob.size; at += MiB) size += (await blob.slice(at, at + MiB).arrayBuffer()).byteLength;
  return size;
}

run(5, {
  make: () => make().size,
  slices,
  whole: async () => (await blob.arrayBuffer()).byteLength,
  stream: async () => {
    let size = 0;
    for await (const piece of blob.stream()) size += piece.length;
    return size;
  },
});
