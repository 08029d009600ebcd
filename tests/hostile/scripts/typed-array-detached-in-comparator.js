// expect: error|ok
const a = new Uint32Array(new ArrayBuffer(4000));
a.sort(() => { a.buffer.transfer?.(); return 1; });
a.length;
