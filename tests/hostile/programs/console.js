const cyclic = { name: 'c', list: [1, 'two', [3, [4, [5]]]], when: new Date(0), re: /x/g };
cyclic.self = cyclic;
class Point { constructor(x) { this.x = x; } get sum() { return 1; } }
console.log('%s is %d with %o and %O', 'text', 42, [1, 2], { a: { b: { c: {} } } }, cyclic);
console.log(new Map([[cyclic, new Set([1, 'a'])]]), new Point(1), () => {}, Symbol('s'), 10n, -0, [undefined, , null]);
console.log(new Error('e', { cause: new TypeError('inner') }), Promise.resolve(1), new Proxy({}, {}), new Uint8Array(200));
console.table([{ a: 1, b: 'x' }, { a: 2, c: true }]);
console.group('outer');
console.group();
for (let i = 0; i < 20; i++) { console.count('n' + (i % 3)); console.debug(Array.from({ length: i * 10 }, (_, j) => `item ${j}`)); }
console.groupEnd();
console.time('t');
console.timeLog('t', { at: 1 });
console.timeEnd('t');
console.assert(false, 'failed %s', 'here');
console.dir(globalThis, { depth: 0 });
console.trace('trace');
'done';
