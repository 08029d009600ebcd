// Deno, by its own functions.
const makeIo = async () => {
  const directory = Deno.args[0];
  const path = (name) => directory + '/' + name;
  return {
    create: (name) => Deno.open(path(name), { write: true, create: true, truncate: true }),
    write: (file, chunk) => file.write(chunk),
    close: (file) => file.close(),
    open: (name) => Deno.open(path(name)),
    read: async (file, at, length) => {
      await file.seek(at, Deno.SeekMode.Start);
      const buffer = new Uint8Array(length);
      return buffer.subarray(0, await file.read(buffer));
    },
    done: (file) => file.close(),
    put: (name, text) => Deno.writeTextFile(path(name), text),
    list: () => Array.fromAsync(Deno.readDir(directory)),
    get: (name) => Deno.readTextFile(path(name)),
    remove: (name) => Deno.remove(path(name)),
  };
};
makeIo().then(measure).then((times) => console.log(JSON.stringify(times)));
