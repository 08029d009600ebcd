// fetch and its classes, with nothing granted: what needs no network works, and what does says why it does not.
const show = async (name, promise) => console.log(name, await promise.catch((e) => `${e.name}: ${e.message}`));

// Bodies are read in the way that is wanted, once.
const response = Response.json({ city: 'Zürich', lines: [2, 4, 11] }, { status: 201 });
const copy = response.clone();
console.log(response.status, response.headers.get('content-type'), (await response.json()).lines);
console.log('bytes of the copy:', (await copy.bytes()).length, 'used:', response.bodyUsed, copy.bodyUsed);
await show('a second time:', response.text());

// Headers are combined, sorted, and checked.
const headers = new Headers({ Accept: 'text/html', 'X-Trace': 'a' });
headers.append('x-trace', 'b');
console.log([...headers]);
await show('a line too many:', (async () => headers.set('x', 'a\r\nInjected: yes'))());

// Forms, there and back.
const form = new FormData();
form.set('title', 'Tram');
form.set('picture', new File([new Uint8Array([1, 2, 3])], 'tram.png', { type: 'image/png' }));
const request = new Request('https://example.com/upload', { method: 'POST', body: form });
console.log(request.method, request.headers.get('content-type').replace(/=.*/, '=…'));
for (const [name, value] of await request.formData()) console.log(name, '=', value);

// Streams, through a compressor and back.
const text = 'tick tock '.repeat(1000);
const squeezed = new Response(new Response(text).body.pipeThrough(new CompressionStream('gzip')));
const { length } = await squeezed.clone().bytes();
const back = new Response(squeezed.body.pipeThrough(new DecompressionStream('gzip')));
console.log(text.length, 'bytes are', length < 100 ? 'less than 100' : 'many', 'compressed, and', (await back.text()).length, 'again');

// URLs that need no network, and one that does.
await show('data:', fetch('data:text/plain;base64,SGVsbG8=').then((r) => r.text()));
await show('blob:', fetch(URL.createObjectURL(new Blob(['0123456789'])), { headers: { range: 'bytes=2-4' } }).then((r) => r.text()));
await show('aborted:', fetch('https://example.com/', { signal: AbortSignal.abort() }));
await show('network:', fetch('https://example.com/'));
