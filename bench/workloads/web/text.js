// 64 MiB of UTF-8; mixed: characters of one, two, three and four bytes in turn.
const encoder = new TextEncoder(), decoder = new TextDecoder();
const ascii = 'a'.repeat(64 * MiB), mixed = 'aé€😀'.repeat(6.4 * MiB);
const asciiBytes = encoder.encode(ascii), mixedBytes = encoder.encode(mixed);

run(5, {
  decodeAscii: () => decoder.decode(asciiBytes).length,
  decodeMixed: () => decoder.decode(mixedBytes).length,
  encodeAscii: () => encoder.encode(ascii).length,
  encodeMixed: () => encoder.encode(mixed).length,
});
