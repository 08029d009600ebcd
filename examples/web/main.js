// What a guest has of the web platform.

// URLs, with parameters that write through.
const url = new URL('../books/7?page=2#top', 'https://Example.com/shelf/list');
url.searchParams.set('q', 'tea & cake');
console.log(url.href);
const route = new URLPattern({ pathname: '/books/:id' });
console.log('book', route.exec(url).pathname.groups.id);

// A stream through two others and back: text, upper case, gzip, text.
const upper = new TransformStream({
  transform(chunk, controller) { controller.enqueue(chunk.toUpperCase()); },
});
const zipped = ReadableStream.from(['pack ', 'and ', 'unpack '.repeat(100)])
  .pipeThrough(upper)
  .pipeThrough(new TextEncoderStream())
  .pipeThrough(new CompressionStream('gzip'));
let size = 0;
const count = new TransformStream({
  transform(chunk, controller) { size += chunk.length; controller.enqueue(chunk); },
});
let text = '';
const unzipped = zipped.pipeThrough(count).pipeThrough(new DecompressionStream('gzip')).pipeThrough(new TextDecoderStream());
for await (const chunk of unzipped) text += chunk;
console.log(text.length, 'characters in', size < 100 ? 'less than' : 'more than', '100 bytes:', text.slice(0, 22) + '…');

// Bytes that live on the host; slices share them.
const blob = new Blob(['Grüße', ', ', new Uint8Array([0x57, 0x65, 0x6c, 0x74])], { type: 'text/plain' });
console.log(blob.size, 'bytes:', await blob.text(), '|', await blob.slice(-4).text());
const file = new File([blob], 'hello.txt', { type: blob.type, lastModified: 0 });
console.log(file.name, file.type, file instanceof Blob);

// Aborting: what listens to the signal stops, and says why.
const controller = new AbortController();
const never = new ReadableStream({ cancel: (reason) => console.log('the stream was cancelled:', reason.message) });
const piping = never.pipeTo(new WritableStream(), { signal: AbortSignal.any([controller.signal]) });
controller.abort(new DOMException('enough of it', 'AbortError'));
await piping.catch((e) => console.log('and the pipe rejected with', e.name));

// Deep copies, with cycles and with classes of the language.
const original = { when: new Date(0), tags: new Set(['a', 'b']), bytes: new Uint8Array([1, 2, 3]) };
original.self = original;
const copy = structuredClone(original, { transfer: [original.bytes.buffer] });
console.log(copy, 'left behind:', original.bytes.length);

// Messages between the two ends of a channel.
const { port1, port2 } = new MessageChannel();
port2.onmessage = (event) => port2.postMessage(event.data.map((n) => n * n));
const answer = new Promise((resolve) => { port1.onmessage = (event) => resolve(event.data); });
port1.postMessage([1, 2, 3]);
console.log('the other end says', await answer);
port1.close();

// Errors that nothing took go to the global scope's listeners first.
addEventListener('error', (event) => {
  console.log('error event:', event.message);
  event.preventDefault();
});
reportError(new RangeError('nobody caught this'));
