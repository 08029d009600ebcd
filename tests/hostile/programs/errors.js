class Mine extends Error {
  constructor(message, options) { super(message, options); this.name = 'Mine'; }
}
let last;
for (let i = 0; i < 60; i++) {
  try {
    try {
      if (i % 4 === 0) null.x;
      if (i % 4 === 1) undefinedName;
      if (i % 4 === 2) (function f() { f(); })();
      throw new Mine(`m${i}`, { cause: last });
    } catch (e) {
      last = new AggregateError([e, last?.message], `step ${i}`, i % 10 ? { cause: last } : undefined);
      throw last;
    } finally {
      last.seen = true;
    }
  } catch (e) {
    if (!(e instanceof AggregateError) || !e.stack) throw e;
  }
}
for (const bad of ['let 1x', 'class { }', 'a => {', '"\\u{110000}"', 'for (let x of) {}', 'import("x', '`${']) {
  try { eval(bad); } catch (e) { if (!(e instanceof SyntaxError)) throw e; }
}
const caught = new DOMException('aborted', 'AbortError');
if (caught.code !== 20) throw new Error('wrong');
Promise.reject(new Mine('unhandled'));
'done';
