const kinds = [Int8Array, Uint8ClampedArray, Int16Array, Uint32Array, Float32Array, Float64Array, BigInt64Array];
for (const Kind of kinds) {
  const one = Kind === BigInt64Array ? 1n : 1;
  const a = Kind.from({ length: 200 }, (_, i) => (Kind === BigInt64Array ? BigInt(i * 37 % 101) : i * 37 % 101));
  a.sort((x, y) => (x < y ? 1 : x > y ? -1 : 0));
  const b = a.map((x) => x + one).filter((x) => x > 5).subarray(3);
  b.set(a.slice(0, 10), 2);
  a.toSorted().with(0, one).join('-');
  new Kind(a.buffer.slice(0, 64)).reverse().fill(one);
}
const buffer = new ArrayBuffer(100, { maxByteLength: 4000 });
const view = new DataView(buffer);
for (let i = 0; i < 20; i++) {
  buffer.resize(100 + i * 150);
  view.setFloat64(i, i / 3);
}
const moved = buffer.transfer();
if (moved.byteLength !== 2950 || !buffer.detached) throw new Error('wrong');
const big = (1n << 4000n) * 3n ** 50n;
if (BigInt(big.toString()) !== big) throw new Error('wrong');
'done';
