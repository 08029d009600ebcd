const pieces = [
  'x: { if (a) break x; b.c?.d; foo(bar, 1) }',
  'for (let i = 0, j = a; i < j; i++) { if (i % 2) continue; else if (i > 5) break; (() => i)(); }',
  'switch (a) { case 1: b; case "two": break; default: c(); }',
  'try { a() } catch ({ message, ...others }) { b(message) } finally { c() }',
  'const { p = 1, q: [r, ...s], ...t } = a ?? {}; let [u, , v = `${p}`] = r || [];',
  'class A extends (b, Object) { #x = 1; static y = a; get z() { return this.#x } static { this.w = 2 } [a + b]() { super.q } }',
  'async function* g(a, { b } = {}, ...c) { for await (const d of a) yield* await d; }',
  'function* h() { const x = yield; while (x) yield x, delete a[b], typeof c, void 0; }',
  'a &&= b ||= c ??= (d, e ? f : g); a.b ||= 1; a[b] ??= 2; [a.x, b.y] = [1n, /re(?<n>x)/giu];',
  'with (a) { eval("b"); c = d } var f1 = function f2() { return arguments.length + new.target };',
  'outer: for (const k in a) for (const v of b) { if (v) continue outer; do { c++ } while (--d); }',
];
const tried = [];
for (const [i, piece] of pieces.entries()) {
  for (const times of [1, 7, 40]) {
    const names = Array.from({ length: times }, (_, n) => `var n${i}_${n} = ${n} * 1.5;`).join('');
    const source = names + Array.from({ length: times }, () => `{ ${piece} }`).join('\n');
    tried.push(new Function('a', 'b', 'c', source).length, (0, eval)(`(a) => { ${source} }`).name);
  }
}
for (const piece of pieces) for (let cut = 7; cut < piece.length; cut += 11) {
  try { new Function('a', piece.slice(0, cut)); } catch (e) { if (!(e instanceof SyntaxError)) throw e; }
}
if (tried.length !== 66) throw new Error('wrong');
'done';
