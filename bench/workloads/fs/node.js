// Node, by fs.promises.
const fs = require('node:fs').promises;
const makeIo = async () => {
  const directory = process.argv[2];
  const path = (name) => directory + '/' + name;
  return {
    create: (name) => fs.open(path(name), 'w'),
    write: (file, chunk) => file.write(chunk),
    close: (file) => file.close(),
    open: (name) => fs.open(path(name)),
    read: async (file, at, length) => {
      const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, at);
      return buffer.subarray(0, bytesRead);
    },
    done: (file) => file.close(),
    put: (name, text) => fs.writeFile(path(name), text),
    list: () => fs.readdir(directory),
    get: (name) => fs.readFile(path(name), 'utf8'),
    remove: (name) => fs.unlink(path(name)),
  };
};
makeIo().then(measure).then((times) => console.log(JSON.stringify(times)));
