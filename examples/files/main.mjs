// Files that the host has given: notes are kept in a directory, and read again.
const root = await navigator.storage.getDirectory();
const notes = await root.getDirectoryHandle('notes', { create: true });

// Written as a stream; nothing can be seen before close().
const today = await notes.getFileHandle('today.txt', { create: true });
const stream = await today.createWritable();
await stream.write('Buy milk.\n');
await stream.write(new Blob(['Call ', new TextEncoder().encode('Ada'), '.\n']));
console.log('before close:', (await today.getFile()).size, 'bytes');
await stream.close();

// A File is read when it is asked for, as a whole or in parts.
const file = await today.getFile();
console.log(file.name, file.type, file.size, 'bytes:', (await file.text()).split('\n'));
console.log('a part:', await file.slice(4, 8).text());

// In place, and at once.
const count = await notes.getFileHandle('count.bin', { create: true });
const access = await count.createSyncAccessHandle();
access.write(new Uint8Array([1, 2, 3]));
access.write(new Uint8Array([9]), { at: 1 });
const bytes = new Uint8Array(access.getSize());
access.read(bytes, { at: 0 });
access.close();
console.log('in place:', bytes);

// A stream goes into a file, and out of it through gzip into another one.
const numbers = await notes.getFileHandle('numbers.txt', { create: true });
await ReadableStream.from(['one\n', 'two\n', 'three\n']).pipeTo(await numbers.createWritable());
const packed = await notes.getFileHandle('numbers.gz', { create: true });
await (await numbers.getFile()).stream().pipeThrough(new CompressionStream('gzip')).pipeTo(await packed.createWritable());
const unpacked = (await packed.getFile()).stream().pipeThrough(new DecompressionStream('gzip'));
console.log('unpacked:', (await new Response(unpacked).text()).trim().split('\n').join(', '));

await numbers.move('words.txt');
const names = (await Array.fromAsync(notes.values(), (handle) => handle.name)).sort();
console.log('listed:', names, 'below the root:', await root.resolve(numbers));

// Whatever does not work says why.
const why = (promise) => promise.then(() => 'done', (e) => e.name);
console.log('up:', await why(notes.getFileHandle('..')));
console.log('missing:', await why(notes.getFileHandle('tomorrow.txt')));
console.log('a directory:', await why(root.getFileHandle('notes')));
console.log('not empty:', await why(root.removeEntry('notes')));
const one = await today.createWritable({ mode: 'exclusive' });
console.log('in use:', await why(today.remove()));
await one.abort();
await root.removeEntry('notes', { recursive: true });
console.log('left:', await Array.fromAsync(root.keys()));
