// expect: ok
const buffer = new ArrayBuffer(1 << 20), view = new Uint8Array(buffer);
const names = [];
for (const value of [{ get x() { structuredClone(buffer, { transfer: [buffer] }); return view; } }, { view }]) {
  try { structuredClone(value, { transfer: [buffer] }); } catch (e) { names.push(e.name); }
}
if (names.join() !== 'DataCloneError,DataCloneError') throw new Error(names.join());
view.length;
