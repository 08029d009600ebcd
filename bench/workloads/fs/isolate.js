// Isolate, by the File System Standard.
const makeIo = async () => {
  const root = await navigator.storage.getDirectory();
  return {
    create: async (name) => (await root.getFileHandle(name, { create: true })).createWritable(),
    write: (stream, chunk) => stream.write(chunk),
    close: (stream) => stream.close(),
    open: async (name) => (await root.getFileHandle(name)).getFile(),
    read: async (file, at, length) => file.slice(at, at + length).bytes(),
    done: () => {},
    put: async (name, text) => {
      const stream = await (await root.getFileHandle(name, { create: true })).createWritable();
      await stream.write(text);
      await stream.close();
    },
    list: () => Array.fromAsync(root.keys()),
    get: async (name) => (await (await root.getFileHandle(name)).getFile()).text(),
    remove: (name) => root.removeEntry(name),
  };
};
