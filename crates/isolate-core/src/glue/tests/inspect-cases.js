// Values and calls whose printed form is compared with Node's, for differential.mjs and (dumped as JSON) for Rust.
//
// Sources are expressions. A case is a source, or [source, flags]:
//   options  source of the options object
//   calls    guest code runs while the value is printed, so the case is not run with poisoned builtins
//   v8       what is printed depends on V8
'use strict';

const CUSTOM = "[Symbol.for('nodejs.util.inspect.custom')]";

const inspect = [
  // Primitives.
  'undefined', 'null', 'true', 'false', '0', '-0', '1', '-1.5', '1e21', '1e-7', 'NaN', 'Infinity', '-Infinity',
  '0n', '-5n', '12345678901234567890n', "''", "'abc'", `'it\\'s'`, `'say "hi"'`, `'it\\'s "q"'`, "'it\\'s \"q\" `b`'",
  "'it\\'s \"q\" ${x}'", "'`'", "'\\\\'", "'\\b\\t\\n\\f\\r\\v\\0'", "'\\x1b[31m\\x7f\\x80\\x9f\\xa0'",
  "'\\ud800'", "'\\udc00x'", "'a\\ud83d\\ude00b'", "'\\ud83d'", "'\\u2028\\ufeff'", "'\\ude00\\ud83d'", 'Symbol()',
  "Symbol('a')", "Symbol('a b')", "Symbol('a\\nb')", "Symbol.iterator", "Symbol.for('x')", "Symbol('')",
  "'x'.repeat(100)", "'x'.repeat(10001)", "'x'.repeat(10002)", "'ab\\n'.repeat(50)", "'line one\\nline two'",
  "'a long first line of text that goes on\\nand a second line of text that goes on too'",
  "'a long first line of text that goes on\\n\\nand a second line of text that goes on too\\n'",
  "'\\n'.repeat(90)", "'it\\'s a long first line of text that goes on\\nand a \"second\" line of text that goes on'",

  // Plain objects and keys.
  '({})', '({ a: 1 })', "({ a: 1, b: 'x', c: true, d: null, e: undefined })", "({ 'a-b': 1 })", '({ 1: 2, 0: 1 })',
  "({ $a: 1, _b: 2, A1: 3, '1a': 4 })", "({ '': 1 })", "({ é: 1, 日本: 2 })", `({ "it's": 1, 'say "x"': 2 })`,
  "({ 'a\\nb': 1, 'c\\\\d': 2 })", "({ ['__proto__']: 1 })", "({ __proto__: { a: 1 } })", '({ [Symbol()]: 1 })',
  "({ [Symbol('a b')]: 1, [Symbol('a\\nb')]: 2, [Symbol.iterator]: 3 })", "({ '\\ud800': 1 })", '({ if: 1, class: 2 })', '({ [Symbol("it\'s")]: 1 })', 'Object.defineProperty({}, "it\'s", { value: 1 })',
  'Object.defineProperty({}, "hidden", { value: 1 })', 'Object.defineProperty({ a: 1 }, Symbol("h"), { value: 1 })',
  '({ get a() { return 1; } })', '({ set a(v) {} })', '({ get a() { return 1; }, set a(v) {} })',
  '({ get a() { throw new Error("no"); } })', 'Object.defineProperty({}, "a", { get: undefined, enumerable: true })',
  '({ f() {}, async g() {}, *h() {}, async *i() {}, j: () => {}, k: class {}, l: class X {} })',
  "({ ['x y']() {}, [Symbol('s')]() {}, 1() {} })", 'Object.freeze({ a: 1 })', 'Object.seal([1, 2])',
  '({ constructor: 1 })', "({ constructor: 'x', a: 1 })", '({ constructor: function () {} })', '({ constructor: Array })',
  '({ toString() { throw 1; } })', '({ toString: null, valueOf: 1 })', '({ hasOwnProperty: 1, length: 5 })',
  '({ length: 2, 0: 1, 1: 2 })', '({ then() {} })', '({ inspect() { return 1; } })', '({ toJSON() { return 1; } })',

  // Depth.
  '({ a: { b: { c: {} } } })', '({ a: { b: { c: { d: 1 } } } })', '({ a: { b: { c: [] } } })',
  '({ a: { b: { c: [1] } } })', '[[[[]]]]', '[[[[1]]]]', '({ a: { b: { c: new Map() } } })',
  '({ a: { b: { c: new Map([[1, 2]]) } } })', '({ a: { b: { c: new Set([1]) } } })',
  '({ a: { b: { c: new (class Foo { x = 1 })() } } })', '({ a: { b: { c: new (class Foo {})() } } })',
  '({ a: { b: { c: Object.create(null) } } })', '({ a: { b: { c: Object.assign(Object.create(null), { x: 1 }) } } })',
  '({ a: { b: { c: function f() {} } } })', '({ a: { b: { c: Object.assign(function f() {}, { x: 1 }) } } })',
  '({ a: { b: { c: class A {} } } })', '({ a: { b: { c: Object.assign(class A {}, { x: 1 }) } } })',
  '({ a: { b: { c: new Date(0) } } })', '({ a: { b: { c: Object.assign(new Date(0), { x: 1 }) } } })',
  '({ a: { b: { c: /x/g } } })', '({ a: { b: { c: Object.assign(/x/g, { x: 1 }) } } })',
  '({ a: { b: { c: Promise.resolve(1) } } })', '({ a: { b: { c: new WeakMap() } } })',
  '({ a: { b: { c: new Uint8Array(1) } } })', '({ a: { b: { c: new Uint8Array(0) } } })',
  '({ a: { b: { c: new ArrayBuffer(1) } } })', '({ a: { b: { c: new DataView(new ArrayBuffer(1)) } } })',
  '({ a: { b: { c: Object(1) } } })', '({ a: { b: { c: Object.assign(Object(1), { x: 1 }) } } })',
  '({ a: { b: { c: (function () { return arguments; })(1) } } })',
  '({ a: { b: { c: (function () { return arguments; })() } } })', '({ a: { b: { c: (function* () {})() } } })',
  '({ a: { b: { c: new Error("x") } } })', '({ a: { b: { c: Object.assign(new Error("x"), { code: 1 }) } } })',
  '({ a: { b: { c: new (class A extends Map {})([[1, 2]]) } } })', '({ a: { b: { c: new (class A extends Array {})(1, 2) } } })',
  '({ a: { b: { c: Object.setPrototypeOf([1], null) } } })', '({ a: { b: { c: Object.setPrototypeOf(new Map([[1, 2]]), null) } } })',
  '({ a: { b: { c: new (class Foo { x = 1; get [Symbol.toStringTag]() { return "T"; } })() } } })',
  '({ a: { b: { c: Object.create({ __proto__: null }, { x: { value: 1, enumerable: true } }) } } })',
  '({ a: { b: { c: { get x() { return 1; } } } } })', '[{ a: { b: { c: 1 } } }]', 'new Map([[{ a: { b: { c: 1 } } }, { a: { b: { c: 1 } } }]])',

  // Arrays.
  '[]', '[1]', "['a', 'b']", '[undefined, null]', '[-0, 0]', '[[]]', '[{}]', '[[1, 2], [3, 4]]', '[,]', '[, ,]',
  '[1, , 2]', '[, 1, , , 2, , ,]', 'new Array(3)', 'new Array(1e9)', '(() => { const a = [1]; a[1e6] = 2; return a; })()',
  '(() => { const a = []; a[5000] = 1; a[5002] = 2; a.length = 4294967295; return a; })()', 'Object.assign([1, 2], { x: 3 })',
  "Object.assign([], { x: 3, 'y z': 4, [Symbol('s')]: 5 })", "Object.assign([1], { '-1': 1, '01': 2, 4294967295: 3 })",
  'Object.defineProperty([1, 2], 0, { get() { return 1; }, enumerable: true })', 'Object.defineProperty([1, 2], 0, { value: 5, enumerable: false })',
  'Array.from({ length: 6 }, (_, i) => i)', 'Array.from({ length: 7 }, (_, i) => i)', 'Array.from({ length: 100 }, (_, i) => i)',
  'Array.from({ length: 101 }, (_, i) => i)', 'Array.from({ length: 200 }, (_, i) => i * i)', 'Array.from({ length: 300 })',
  "Array.from({ length: 30 }, (_, i) => 'item' + i)", "Array.from({ length: 27 }, (_, i) => 'x'.repeat(i))",
  "Array.from({ length: 50 }, (_, i) => 'x'.repeat(i % 7))", 'Array.from({ length: 10 }, (_, i) => ({ i }))',
  'Array.from({ length: 10 }, (_, i) => [i, i])', 'Array.from({ length: 26 }, (_, i) => 10 ** i)', 'Array.from({ length: 12 }, (_, i) => BigInt(i) ** 9n)',
  "Array.from({ length: 9 }, (_, i) => i % 2 ? i : 'x')", "['日本語', '中文', '한국어', 'a', 'b', 'c', 'd', 'e']", "['😀', '👍', 'é', 'e\\u0301', 'a', 'b', 'c', 'd']",
  'Array.from({ length: 40 }, (_, i) => i / 3)', 'Array.from({ length: 8 }, () => true)', 'Array.from({ length: 8 }, () => undefined)',
  'Array.from({ length: 10 }, (_, i) => Symbol(i))', 'Object.assign(Array.from({ length: 10 }, (_, i) => i), { x: 1 })',
  '[[1, 2, [3, 4, [5, [6]]]], { a: [1, { b: 2 }] }]', "['a'.repeat(40), 'b'.repeat(40)]", "['a'.repeat(30), 'b'.repeat(30)]",
  "['a'.repeat(72)]", "['a'.repeat(73)]", "['a'.repeat(200)]", "['one line\\nand another line', 1]", "['a long first line of text that goes on\\nand a second line of text that goes on too', 1]",
  "({ a: 'a long first line of text that goes on\\nand a second line of text that goes on too' })", '[function f() {}, class A {}, Symbol("x")]',
  '[1.5, 2.25, -3, 1e100, NaN, Infinity, 0, -0]', '[[[1, 2, 3, 4, 5, 6, 7, 8], 1], 2]', 'Array(120).fill("abc")', "Array(7).fill('abcdef')", "Array(7).fill('abcdefg')",

  // Line breaking.
  '({ a: { b: 1, c: 2 }, d: { e: 3, f: 4 } })', '({ a: { b: { c: 1 } }, d: 1 })', '({ a: [{ b: 1 }, { c: 2 }] })', '({ a: [{ b: [1] }] })',
  "({ aaaaaaaaaaaaaaaa: 'bbbbbbbbbbbbbbbb', cccccccccccccccc: 'dddddddddddddddd' })", "({ aaaaaaaaaaaaaaaaaa: 'bbbbbbbbbbbbbbbbbb', cccccccccccccccccc: 'dddddddddddddddddd' })",
  "Object.fromEntries(Array.from({ length: 20 }, (_, i) => ['k' + i, i]))", "Object.fromEntries(Array.from({ length: 26 }, (_, i) => ['key' + i, 'v'.repeat(i)]))",
  '({ name: "x", list: [1, 2, 3], nested: { deep: { deeper: true } }, f() {}, date: new Date(0) })', "({ a: 'x'.repeat(70) })", "({ a: 'x'.repeat(80) })",
  "({ a: { b: 'x'.repeat(70) } })", "[{ id: 1, name: 'Alice', tags: ['a', 'b'] }, { id: 2, name: 'Bob', tags: [] }]", "({ a: 1, b: { c: 'multi\\nline', d: [1, 2, { e: 'f' }] } })",
  "({ rows: Array.from({ length: 5 }, (_, i) => ({ id: i, name: 'name' + i, on: i % 2 === 0 })) })", "new Map([['aaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'], ['cccccccccccc', 'ddddddddddd']])",
  "({ a: [], b: {}, c: new Map(), d: new Set(), e: [[]], f: [{}] })", "({ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9, j: 10, k: 11, l: 12, m: 13 })",

  // Circles.
  '(() => { const a = {}; a.a = a; return a; })()', '(() => { const a = []; a.push(a, [a]); return a; })()', '(() => { const a = {}, b = { a }; a.b = b; return [a, b, a]; })()',
  '(() => { const m = new Map(); m.set(m, m); m.set("k", { m }); return m; })()', '(() => { const s = new Set(); s.add(s); return s; })()',
  '(() => { function f() {} f.f = f; return f; })()', '(() => { const e = Object.assign(/x/, {}); e.self = e; return e; })()', '(() => { const p = {}; p.p = Promise.resolve(p); return p; })()',
  '(() => { const a = { n: "a" }, b = { n: "b", a }, c = { n: "c", b, a }; a.c = c; a.b = b; return c; })()', '(() => { const x = { a: 1 }; return [x, x, { x }]; })()', '(() => { const a = { b: { c: {} } }; a.b.c.d = a; a.b.c.b = a.b; return a; })()',
  '(() => { class Node { constructor() { this.next = this; } } return new Node(); })()',

  // Functions and classes.
  'function f() {}', '(function () {})', '() => {}', 'async () => {}', 'async function f() {}', 'function* g() {}', 'async function* g() {}', '({ f: () => {} }).f',
  'Object.assign(() => {}, { a: 1 })', 'Object.assign(function f() {}, { a: 1, b: { c: 1 } })', '(function f() {}).bind()', '(() => {}).bind()', 'Math.max', 'Map', 'Array.prototype.push', 'Object.getOwnPropertyDescriptor(Map.prototype, "size").get',
  'class A {}', '(class {})', 'class A extends Array {}', '(class extends Map {})', 'class A extends null {}', '(() => { class B {} class A extends B {} return A; })()', 'class A { static x = 1; static y() {} }', 'class A { static { this.z = { q: 1 }; } }',
  'class\nA\n{}', 'class/* c */A{}', '({ class() {} }).class', '({ class () { return "{"; } }).class', '({ classy() {} }).classy', 'Object.setPrototypeOf(function f() {}, null)', 'Object.setPrototypeOf(class A {}, null)', 'Object.setPrototypeOf(async () => {}, null)',
  'Object.setPrototypeOf(function f() {}, {})', 'Object.defineProperty(function f() {}, "name", { value: "" })', 'Object.defineProperty(function f() {}, "name", { value: 5 })', 'Object.defineProperty(function f() {}, "name", { value: "a b" })', '(() => { function f() {} delete f.name; return f; })()',
  'Object.defineProperty(function f() {}, Symbol.toStringTag, { value: "T" })', 'Object.defineProperty(class A {}, Symbol.toStringTag, { value: "T" })', '(() => { function F() {} F.prototype = null; return F; })()', 'new (class A extends Function {})("return 1")', '({ get x() { return 1; }, y: function () {} })',
  'class A { static name = 5 }', 'class A { static get name() { return 1; } }.constructor',

  // Instances and prototypes.
  'new (class Foo {})()', 'new (class Foo { a = 1; #b = 2; })()', 'new (class Foo { constructor() { this.x = { y: 1 }; } })()', 'new (class {})()', 'new (class { a = 1 })()', '(() => { class A {} class B extends A {} return new B(); })()',
  'new (function Foo() { this.a = 1; })()', '(() => { function Foo() {} Foo.prototype = { a: 1 }; return new Foo(); })()', '(() => { function Foo() {} Foo.prototype = { constructor: Foo }; return new Foo(); })()', 'Object.create(null)', 'Object.assign(Object.create(null), { a: 1, b: { c: 1 } })',
  'Object.create(Object.create(null))', 'Object.create(Object.create(Object.create(null)))', 'Object.create(Object.assign(Object.create(null), { z: 1 }))', 'Object.create({})', 'Object.create({ a: 1 })', 'Object.create(Array.prototype)', 'Object.create(Map.prototype)', 'Object.create(Error.prototype)', 'Object.create(Function.prototype)',
  'Object.create(Date.prototype)', 'Object.create((class Foo {}).prototype)', '(class Foo { m() {} }).prototype', '(class Bar extends (class Foo {}) {}).prototype', 'Object.prototype', 'Array.prototype', 'Function.prototype', 'Map.prototype', 'Promise.prototype', 'RegExp.prototype', 'Date.prototype', 'Number.prototype', 'Symbol.prototype',
  'Error.prototype', 'TypeError.prototype', 'Uint8Array.prototype', 'ArrayBuffer.prototype', 'Math', 'JSON', 'Reflect', 'Object.setPrototypeOf([1, 2], null)', 'Object.setPrototypeOf([], null)', 'Object.setPrototypeOf(new Map([[1, 2]]), null)', 'Object.setPrototypeOf(new Set([1]), null)', 'Object.setPrototypeOf(new Date(0), null)',
  'Object.setPrototypeOf(/x/g, null)', 'Object.setPrototypeOf(Object(1), null)', 'Object.setPrototypeOf(Object("x"), null)', 'Object.setPrototypeOf(Promise.resolve(1), null)', 'Object.setPrototypeOf(new WeakSet(), null)', 'Object.setPrototypeOf(new Uint8Array(1), null)', 'Object.setPrototypeOf(new Error("x"), null)', 'Object.setPrototypeOf(new TypeError("x"), null)',
  'Object.setPrototypeOf((function* () {})(), null)', 'Object.setPrototypeOf(new DataView(new ArrayBuffer(1)), null)', 'Object.setPrototypeOf(new Date(0), {})', 'Object.setPrototypeOf(/x/, {})', 'Object.setPrototypeOf(new Error("x"), {})', 'Object.setPrototypeOf(new WeakMap(), {})', 'Object.setPrototypeOf(new Error("x"), Object.create(null))',
  'Object.setPrototypeOf([1, 2], { __proto__: Array.prototype, x: 1 })', '(() => { class A {} const a = new A(); a.constructor = 1; return a; })()', '(() => { class A {} const a = new A(); A.prototype = 1; return a; })()', '(() => { class A {} const a = new A(); delete A.prototype.constructor; return a; })()', '(() => { class A {} A.prototype.constructor = Map; return new A(); })()',

  // Where Node and we differ: see KNOWN in differential.mjs.
  'class A extends (class B {}) {}', '(() => { class Foo {} const o = new Foo(); Object.setPrototypeOf(o, null); return o; })()', 'Object.setPrototypeOf([1], {})', 'Object.setPrototypeOf(new Map([[1, 2]]), {})', 'Object.assign(new Error("x"), { stack: { a: 1 } })', 'new (class A { static name() {} })()', 'class A { static get name() { return "q"; } }',

  // Symbol.toStringTag.
  '({ [Symbol.toStringTag]: "T" })', '({ [Symbol.toStringTag]: "" })', '({ [Symbol.toStringTag]: 5 })', 'Object.defineProperty({}, Symbol.toStringTag, { value: "T" })', 'Object.defineProperty({ a: 1 }, Symbol.toStringTag, { value: "T" })', 'Object.create(null, { [Symbol.toStringTag]: { value: "T" } })', '({ get [Symbol.toStringTag]() { return "T"; } })',
  'new (class Foo { get [Symbol.toStringTag]() { return "T"; } })()', 'new (class Foo { get [Symbol.toStringTag]() { return "Foo"; } })()', 'new (class Foo { a = 1; get [Symbol.toStringTag]() { return "T"; } })()', 'new (class Foo { [Symbol.toStringTag] = "T" })()', 'new (class Foo extends Map { get [Symbol.toStringTag]() { return "T"; } })([[1, 2]])',
  'new (class Foo extends Array { get [Symbol.toStringTag]() { return "T"; } })(1, 2)', 'new (class Foo extends Error { get [Symbol.toStringTag]() { return "T"; } })("x")', 'new (class Foo extends Promise { get [Symbol.toStringTag]() { return "T"; } })(() => {})', 'new (class extends Date { get [Symbol.toStringTag]() { return "T"; } })(0)',
  'new (class Foo extends Number { get [Symbol.toStringTag]() { return "T"; } })(1)', 'Object.assign(Object.create({ [Symbol.toStringTag]: "T" }), { a: 1 })',

  // Collections.
  'new Map()', "new Map([['a', 1], [{ b: 2 }, [3]]])", 'new Map([[undefined, null], [NaN, -0]])', 'Object.assign(new Map([[1, 2]]), { x: 1 })', 'Object.assign(new Map(), { x: 1 })', 'new Set()', "new Set([1, 'a', { b: 1 }, [2]])", 'Object.assign(new Set([1]), { x: 1 })', 'new Map(Array.from({ length: 101 }, (_, i) => [i, i]))',
  'new Set(Array.from({ length: 105 }, (_, i) => i))', 'new Set([new Set([new Set([new Set([1])])])])', 'new Map([[new Map([[1, 2]]), new Map([[3, new Map([[4, new Map([[5, 6]])]])]])]])', 'new (class A extends Map {})([[1, 2]])', 'new (class A extends Set {})([1])', 'new (class extends Map {})()', 'new WeakMap()', 'new WeakSet()', 'new (class A extends WeakMap {})()',
  'Object.assign(new WeakSet(), { x: 1 })', 'new Map([[1, 2]]).entries()', 'new Map([[1, 2]]).keys()', 'new Map([[1, { a: 1 }]]).values()', 'new Set([1, 2]).values()', 'new Set([1]).entries()', 'new Map().entries()', '[1, 2].values()', "'ab'[Symbol.iterator]()", "'ab'.matchAll(/a/g)", '(() => { const i = new Map([[1, 2], [3, 4]]).keys(); i.next(); return i; })()', 'Object.assign(new Map([[1, 2]]).keys(), { x: 1 })',
  "new Map([['k', new Error('boom')]])", "new Map([['a\\nb', 'c\\nd']])", "new Set(['a long first line of text that goes on\\nand a second line of text that goes on too'])",

  // Binary data.
  'new Uint8Array(0)', 'new Uint8Array([1, 2, 3])', 'new Float64Array([1.5, -0, NaN])', 'new BigInt64Array([1n, -2n])', 'new Uint8ClampedArray([300])', 'new Float32Array(3)', 'new Int16Array(101)', 'Object.assign(new Uint8Array(2), { x: 1 })', 'new (class A extends Uint8Array {})(2)', 'new Uint16Array([1000, 2, 30, 4, 5, 6, 7])',
  'new ArrayBuffer(0)', 'new ArrayBuffer(3)', 'new ArrayBuffer(60)', 'new ArrayBuffer(101)', 'Object.assign(new ArrayBuffer(2), { x: 1 })', 'new (class A extends ArrayBuffer {})(2)', 'new Uint8Array([0, 15, 16, 255]).buffer', 'new DataView(new ArrayBuffer(4), 1, 2)', 'Object.assign(new DataView(new ArrayBuffer(1)), { x: 1 })', 'new SharedArrayBuffer(2)', '({ a: new Uint8Array(3), b: new ArrayBuffer(2) })',

  // Dates, regular expressions, boxes, promises, arguments, generators.
  'new Date(0)', 'new Date(NaN)', 'new Date(8.64e15)', 'new Date(-1e15)', 'Object.assign(new Date(0), { x: 1 })', 'new (class A extends Date {})(0)', '/x/', '/a\\/b/dgimsuy', 'new RegExp("")', 'new RegExp("\\n/")', 'Object.assign(/x/, { y: 1 })', 'new (class A extends RegExp {})("x", "g")', '/x/v', 'Object.defineProperty(/x/g, "flags", { value: "zzz" })', 'Object.defineProperty(/x/g, "toString", { value() { return 1; } })',
  'new Number(3)', 'new Number(-0)', 'new String("abc")', `new String("it's")`, 'new String("")', 'new Boolean(false)', 'Object(Symbol("s"))', 'Object(10n)', 'Object.assign(new Number(1), { x: 1 })', 'Object.assign(new String("ab"), { x: 1, 5: 2 })', 'Object.assign(new Boolean(true), { x: 1 })', 'new (class A extends Number {})(1)', 'new (class A extends String {})("x")', 'new (class A extends Boolean {})(1)', 'Object.defineProperty(new Number(3), "valueOf", { value() { return 4; } })',
  'Promise.resolve(1)', 'Promise.resolve({ a: [1] })', 'new Promise(() => {})', '(() => { const p = Promise.reject(3); p.catch(() => {}); return p; })()', 'Object.assign(Promise.resolve("x"), { y: 1 })', 'new (class A extends Promise {})(() => {})', 'Promise.resolve(undefined)', "Promise.resolve('a\\nb')", "[Promise.resolve('x'.repeat(80))]", 'Promise.resolve(Promise.resolve(1))',
  '(function () { return arguments; })()', '(function () { return arguments; })(1, "a", {})', '(function () { "use strict"; return arguments; })(1)', '(function () { arguments.x = 1; return arguments; })(1)', '(function* () {})()', '(async function* () {})()', 'Object.assign((function* () {})(), { x: 1 })', 'new WeakRef({})', 'new FinalizationRegistry(() => {})',

  // Errors.
  'new Error("boom")', 'new Error("")', 'new Error()', 'new TypeError("boom")', 'new Error("a\\nb")', 'new Error("x\\n    at fake (a.js:1:1)")', '[new Error("boom")]', '({ e: new Error("boom") })', '({ a: { e: new Error("boom") } })', '[[new Error("a\\nb")]]', 'new Error("x", { cause: new TypeError("y") })', 'new Error("x", { cause: "y" })', 'new Error("x", { cause: undefined })', 'new Error("x", { cause: null })', 'new Error("x", { cause: { a: 1 } })',
  'new Error("x", { cause: new Error("y", { cause: new Error("z") }) })', '({ e: new Error("x", { cause: new TypeError("y") }) })', 'new AggregateError([new Error("a"), 1], "msg")', 'new AggregateError([], "")', 'Object.assign(new Error("x"), { code: "E1", info: { a: 1 } })', '({ e: Object.assign(new Error("x"), { code: "E1" }) })', 'Object.assign(new Error("x"), { name: "Zed" })', 'Object.assign(new Error("x"), { name: "MyError" })', 'Object.assign(new Error("x"), { name: "Error" })', 'Object.assign(new Error("x"), { name: "" })',
  'Object.assign(new Error(""), { name: "" })', 'Object.assign(new Error("x"), { name: undefined })', 'Object.assign(new Error("x"), { name: null })', 'Object.assign(new Error("x"), { name: 5 })', 'Object.assign(new Error("x"), { message: "changed" })', 'Object.assign(new Error("x"), { message: "" })', 'Object.assign(new TypeError("x"), { name: "Error" })', 'Object.assign(new TypeError("x"), { name: "RangeError" })', 'Object.assign(new TypeError("x"), { name: "foo bar" })',
  'Object.assign(new Error("x"), { stack: undefined })', 'Object.assign(new Error("x"), { stack: "" })', 'Object.assign(new Error("x"), { stack: "custom" })', 'Object.assign(new Error("x"), { stack: "custom\\n    at foo (a.js:1:2)" })', 'Object.assign(new Error("x"), { stack: "FooError: bar\\n    at foo (a.js:1:2)" })', '({ e: Object.assign(new Error("x"), { stack: "Error: x\\n    at a (a.js:1:2)\\n    at b (b.js:1:2)" }) })', '({ e: Object.assign(new Error("x"), { stack: "" }) })', '(() => { const e = new Error("x"); delete e.stack; return e; })()', '(() => { const e = new Error("x"); e.self = e; return e; })()', 'new (class Foo extends Error {})("m")', 'new (class FooError extends Error {})("m")',
  'new (class FooError extends TypeError {})("m")', 'new (class Foo extends Error {})()', 'new (class FooError extends Error {})()', 'new (class extends Error {})("m")', 'new (class ValidationError extends Error { constructor(m) { super(m); this.name = "ValidationError"; this.field = "f"; } })("m")', 'new (class ValidationError extends Error { name = "ValidationError" })("m")', 'new (class Foo extends Error { constructor(m) { super(m); this.name = "BarError"; } })("m")', 'new (class FooError extends Error { get name() { return "Bar"; } })("m")', 'new (class FooError extends Error { get message() { return "got"; } })("m")',
  '(() => { class Foo extends Error {} class Bar extends Foo { constructor(m) { super(m); this.name = this.constructor.name; } } return new Bar("m"); })()', '(() => { class FooError extends Error {} FooError.prototype.name = "FooError"; return new FooError("m"); })()', '(() => { function F(m) { this.message = m; } F.prototype = Object.create(Error.prototype); return new F("q"); })()', '(() => { function F(m) { this.message = m; } F.prototype = Object.create(Error.prototype); F.prototype.constructor = F; return new F("q"); })()', '(() => { function F(m) { this.message = m; } F.prototype = Object.create(Error.prototype); F.prototype.constructor = F; F.prototype.name = "FError"; return new F("q"); })()',
  'Object.defineProperty(new Error("x"), "message", { get() { return "got"; } })', 'Object.defineProperty(new Error("x"), "name", { get() { return "got"; }, enumerable: true })', 'Object.defineProperty(new Error("x"), "stack", { get() { return "got"; } })', 'Object.defineProperty(new Error("x"), "cause", { get() { return "got"; } })', 'Object.defineProperty(new Error("x"), "stack", { enumerable: true })', 'Object.defineProperty(new Error("x"), "errors", { value: [1] })', 'Object.defineProperty(new Error("x"), "errors", { value: 5 })', 'Object.assign(new Error("x"), { errors: [1], cause: 2 })', 'Object.assign(new Error("x"), { [Symbol("s")]: 1 })',
  '(() => { const e = new Error("x"); Object.setPrototypeOf(e, null); e.name = "Foo"; return e; })()', 'Object.setPrototypeOf(Object.assign(new Error("x"), { stack: "Foo: x" }), null)', 'Object.setPrototypeOf(Object.assign(new Error("x"), { stack: "foo x" }), null)', 'Object.setPrototypeOf(Object.assign(new Error("x"), { stack: "RangeError" }), null)', 'Object.defineProperty(new TypeError("x"), Symbol.toStringTag, { value: "T" })', 'new Map([[new Error("k"), new Error("v")]])', 'Promise.resolve(new Error("in promise"))', 'Object.assign(new Map(), { e: new Error("x") })', 'Object.assign(new Error("x"), { list: [1, 2], e: new Error("inner") })',
  '(() => { const s = "\\n    at a (a.js:1:1)\\n    at b (b.js:1:1)\\n    at c (c.js:1:1)\\n    at d (d.js:1:1)\\n    at e (e.js:1:1)"; const c = new Error("c"); c.stack = "Error: c\\n    at z (z.js:1:1)" + s; const e = new Error("e", { cause: c }); e.stack = "Error: e\\n    at y (y.js:1:1)" + s; return e; })()',

  // Proxies: the target is printed and no trap runs.
  'new Proxy({ a: 1 }, {})', 'new Proxy([1, 2], {})', 'new Proxy(function f() {}, {})', 'new Proxy(class A {}, {})', 'new Proxy(new Map([[1, 2]]), {})', 'new Proxy(new Error("x"), {})', 'new Proxy(new (class Foo { a = 1 })(), {})', 'new Proxy({ a: 1 }, new Proxy({}, { get() { throw 1; } }))', '(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()', '({ p: new Proxy({ x: 1 }, {}) })', '(() => { const t = {}; const p = new Proxy(t, {}); t.p = p; return p; })()', 'new Proxy(new Proxy({ a: 1 }, {}), {})',

  // Custom inspection.
  [`({ ${CUSTOM}() { return 'custom'; } })`], [`({ a: { ${CUSTOM}() { return 'a\\nb'; } } })`], [`({ a: { ${CUSTOM}() { return { x: 1 }; } } })`], [`({ a: { ${CUSTOM}() { return 5; } } })`], [`({ a: { ${CUSTOM}() { return null; } } })`], [`({ a: { ${CUSTOM}() { return undefined; } } })`], [`({ a: { ${CUSTOM}() { return this; } } })`], [`({ a: { ${CUSTOM}() { return -0; } } })`], [`({ a: { ${CUSTOM}() { return 5n; } } })`], [`({ a: { ${CUSTOM}: 5 } })`], [`({ a: { b: { c: { ${CUSTOM}(d) { return 'depth ' + d; } } } } })`], [`({ a: { b: { ${CUSTOM}(d, o) { return d + ' ' + o.depth; } } } })`],
  [`({ x: [1, { a: { b: 1 } }], ${CUSTOM}(d, o, i) { return i(this.x, o); } })`], [`({ x: [1, { a: { b: 1 } }], ${CUSTOM}(d, o, i) { return 'X ' + i(this.x, { ...o, depth: 0 }); } })`, { calls: true }], [`({ x: [1, { a: { b: 1 } }], ${CUSTOM}(d, o, i) { return i(this.x, false, 0); } })`], [`({ ${CUSTOM}(d, o) { return o.stylize('text', 'string') + typeof o.stylize; } })`], [`({ ${CUSTOM}(d, o) { return Object.keys(o).join(); } })`, { calls: true }], [`({ ${CUSTOM}(d, o, i) { return [typeof i, i.name, i.custom === Symbol.for('nodejs.util.inspect.custom')]; } })`, { calls: true }], [`new (class Money { constructor() { this.n = 5; } ${CUSTOM}(d, o, i) { return 'Money<' + i(this.n, o) + '>'; } })()`], [`class A { static ${CUSTOM}() { return 'static'; } }`],
  [`(class A { ${CUSTOM}() { return 'no'; } }).prototype`], [`[new (class A extends Array { ${CUSTOM}() { return 'arr'; } })()]`], [`new Map([[{ ${CUSTOM}() { return 'key'; } }, { ${CUSTOM}() { return 'value'; } }]])`], [`({ get ${CUSTOM}() { return () => 'by getter'; } })`], [`Object.assign(function f() {}, { ${CUSTOM}() { return 'fn'; } })`], [`new Proxy({ ${CUSTOM}() { return 'target'; } }, {})`], [`Object.assign(new Error('x'), { ${CUSTOM}() { return 'err'; } })`],
];

const OPTIONS_VALUE =
  "{ a: 1, b: 'x', c: null, d: undefined, e: Symbol('q'), f() {}, g: new Date(0), h: /x/, i: [1, {}], j: 1n, 'k-l': true, " +
  'm: new Map([[1, new Set([2])]]), n: [, 1], get o() { return 1; }, p: class A {}, q: new Error("x"), r: Promise.resolve(1), ' +
  's: new Uint8Array(2), t: Object(1), u: { v: { w: { x: 1 } } }, [Symbol("y")]: 1, z: new WeakSet(), aa: new ArrayBuffer(2) }';

const withOptions = [
  ...['{ colors: true }', '{ compact: true }', '{ compact: false }', '{ compact: 0 }', '{ compact: 1 }', '{ compact: 10 }', '{ depth: 0 }', '{ depth: 1 }', '{ depth: null }', '{ depth: Infinity }', '{ depth: -1 }', '{ breakLength: 40 }', '{ breakLength: 120 }', '{ breakLength: Infinity }', '{ sorted: true }', '{ getters: true }',
    '{ colors: true, compact: false }', '{ colors: true, compact: true }', '{ compact: true, breakLength: 20 }', '{ maxArrayLength: 0 }', '{ maxArrayLength: 1 }', '{ maxArrayLength: null }', '{ breakLength: 1 }', '{ colors: true, breakLength: 30, sorted: true }', '{ compact: true, depth: 0 }',
  ].map((options) => [`(${OPTIONS_VALUE})`, options]),
  ['[1]', '{ showHidden: true }'], ['new Map([[1, 2]])', '{ showHidden: true }'], ['new Uint8Array(2)', '{ showHidden: true }'], ['new Uint8Array(0)', '{ showHidden: true }'], ['({ a: [1, new Uint16Array(3)] })', '{ showHidden: true }'], ['class A { static x = 1; m() {} get g() { return 1; } }', '{ showHidden: true }'], ['() => {}', '{ showHidden: true }'],
  ['new (class A { m() {} get g() { return 1; } })()', '{ showHidden: true }'], ['new (class B extends (class A { get g() { return 1; } }) { get h() { return this; } set i(x) {} })()', '{ showHidden: true }'], ['Object.create({ get p() { return 1; }, q: 2, r() {} })', '{ showHidden: true }'], ['new (class A extends Map { get g() { return 1; } })()', '{ showHidden: true }'], ['new (class A { get g() { return 1; } })()', '{ showHidden: true, colors: true }'],
  ['new WeakSet((globalThis.kept ??= [{ b: 1 }, { a: 1 }]))', '{ showHidden: true }'], ['new WeakMap((globalThis.held ??= [[{}, 1]]))', '{ showHidden: true }'], ['new Error("x")', '{ showHidden: true }', { v8: true }], ['new ArrayBuffer(2)', '{ showHidden: true }'], ['new DataView(new ArrayBuffer(2))', '{ showHidden: true }'], ['new String("ab")', '{ showHidden: true }'], ['/a/g', '{ showHidden: true }'], ['new Date(0)', '{ showHidden: true }'], ['Object.defineProperty({ a: 1 }, "b", { value: { c: 1 } })', '{ showHidden: true }'], ['Object.defineProperty([1], "it\'s", { value: 1 })', '{ showHidden: true }'], ['Promise.resolve(1)', '{ showHidden: true }'], ['Object.create(null, { x: { value: 1 } })', '{ showHidden: true }'], ['({ __proto__: null, [Symbol.toStringTag]: "T" })', '{ showHidden: true }'], ['Object.defineProperty({}, Symbol.toStringTag, { value: "T" })', '{ showHidden: true }'],
  ['new Proxy({ a: 1 }, { get() {} })', '{ showProxy: true }'], ['new Proxy([1, 2, 3], {})', '{ showProxy: true }'], ['new Proxy({ a: { b: {} } }, {})', '{ showProxy: true, depth: 0 }'], ['({ a: { b: new Proxy({ c: { d: 1 } }, {}) } })', '{ showProxy: true }'], ['({ a: { b: { c: new Proxy({ d: 1 }, {}) } } })', '{ showProxy: true }'], ['new Proxy(new Proxy({}, {}), {})', '{ showProxy: true }'], ['(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()', '{ showProxy: true }'], ['new Proxy(function f() {}, { apply() {} })', '{ showProxy: true }'],
  ['({ get a() { return { x: 1 }; }, get b() { throw new Error("z"); }, set b(x) {}, get c() { return 5; }, set d(x) {}, get e() { return "str"; }, get f() { return null; } })', '{ getters: true }', { calls: true }], ['({ get a() { return 1; }, get b() { return 2; }, set b(x) {} })', "{ getters: 'get' }"], ['({ get a() { return 1; }, get b() { return 2; }, set b(x) {} })', "{ getters: 'set' }"], ['({ get a() { return [1, { b: 2 }]; } })', '{ getters: true, colors: true }'],
  ['({ b: 1, a: { d: 1, c: 2 }, c: [3, 1] })', '{ sorted: true }'], ['({ b: 1, a: 2, c: 3 })', '{ sorted: (a, b) => (a < b ? 1 : -1) }'], ['new Set(["b", "a"])', '{ sorted: true }'], ['new Map([["b", 1], ["a", 2]])', '{ sorted: true }'], ['Object.assign([3, 1, 2], { z: 1, a: 2 })', '{ sorted: true }'], ['Object.assign(new Error("x"), { z: 1, a: 2 })', '{ sorted: true }'], ['[123456789, 1234.5678, -1234567, 0.0001234, 1e21, 999, 1000, 123456789n, -1234n, NaN]', '{ numericSeparator: true }'],
  ['"abcdef"', '{ maxStringLength: 3 }'], ['"abcdef"', '{ maxStringLength: 5 }'], ['"abcdef"', '{ maxStringLength: 0 }'], ['["abcdef", { a: "ghijkl" }]', '{ maxStringLength: 2 }'], ['"x".repeat(20000).length + ["x".repeat(20000)][0]', '{ maxStringLength: null }'], ['"x".repeat(20000)', '{ maxStringLength: Infinity }'], ['[1, 2, 3]', '{ maxArrayLength: 2 }'], ['new Set([1, 2, 3])', '{ maxArrayLength: 1 }'], ['new Map([[1, 2], [3, 4]])', '{ maxArrayLength: 1 }'], ['new Uint8Array(5)', '{ maxArrayLength: 2 }'], ['new ArrayBuffer(5)', '{ maxArrayLength: 2 }'], ['[, , 1, , 2]', '{ maxArrayLength: 2 }'], ['new Map([[1, 2], [3, 4]]).keys()', '{ maxArrayLength: 1 }'], ['Array.from({ length: 200 }, (_, i) => i)', '{ maxArrayLength: null }'], ['Array.from({ length: 20 }, (_, i) => i)', '{ maxArrayLength: 8 }'], ['[1, 2, 3]', '{ maxArrayLength: -1 }'],
  ['Array.from({ length: 20 }, (_, i) => i * 100)', '{ colors: true }'], ['Array.from({ length: 20 }, (_, i) => "s" + i)', '{ colors: true }'], ['Array.from({ length: 20 }, (_, i) => "s" + i)', '{ breakLength: 40 }'], ['Array.from({ length: 20 }, (_, i) => "s" + i)', '{ compact: 1 }'], ['Array.from({ length: 20 }, (_, i) => "s" + i)', '{ compact: 2, breakLength: 200 }'], ['({ a: { b: { c: { d: { e: {} } } } } })', '{ depth: 3 }'], ['({ a: { b: { c: { d: { e: {} } } } } })', '{ depth: null }'], ['(() => { const a = { b: {} }; a.b.a = a; return a; })()', '{ compact: true }'], ['(() => { const a = { b: {} }; a.b.a = a; return a; })()', '{ colors: true }'], ['(() => { const a = [1, 2]; a.push(a); return a; })()', '{ compact: false }'],
  [`({ ${CUSTOM}() { return 'custom'; } })`, '{ customInspect: false }'], [`({ ${CUSTOM}(d, o) { return o.stylize('x', 'number') + o.colors; } })`, '{ colors: true }'], [`({ ${CUSTOM}(d, o) { return [d, o.depth, o.compact] + ''; } })`, '{ depth: 7, compact: 1 }', { calls: true }], [`({ ${CUSTOM}(d, o) { return d + ''; } })`, '{ depth: null }'], ['[undefined, null, "a", Symbol("b"), 1n]', '{ colors: true }'], ['({ a: "x\\ny".repeat(30) })', '{ colors: true }'], ['new Error("x", { cause: new Error("y") })', '{ compact: false }'], ['({ a: { b: "x".repeat(30), c: "y".repeat(30) } })', '{ compact: true, breakLength: 40 }'], ['function f() {}', '{ colors: true }'], ['Object.assign(function f() {}, { x: 1 })', '{ colors: true }'], ['Object.assign(/x/, { y: 1 })', '{ colors: true }'], ['Object(1n)', '{ colors: true }'], ['Object("s")', '{ colors: true }'], ['Object.assign(Object("s"), { x: 1 })', '{ colors: true }'], ['new WeakMap()', '{ colors: true }'], ['new ArrayBuffer(1)', '{ colors: true }'], ['new Promise(() => {})', '{ colors: true }'], ['({ a: { b: { c: { d: 1 } } } })', '{ colors: true }'], ['({ [Symbol("k")]: 1, "a b": 2 })', '{ colors: true }'], ['({ get a() { return 1; }, set b(x) {} })', '{ colors: true }'],
];

const format = [
  '[]', "['']", "['a']", "['100%']", "['100%%']", "['a%sb']", "['%s', 'x']", "['%s %s', 'x']", "['%s', 'x', 'y', { a: 1 }]", "['%%s', 'x']", "['%%%s', 'x']", "['%%', 1]", "['%', 1]", "['a%', 1]", "['%x', 1]", "['%x %s', 1]", "['%s%s%s', 1, 2]", "['a', 'b', 1, null, undefined, true]", "[1, 'a', { b: 'c' }]", "[null, 'x']", "[{ a: 1 }, '%s', 2]", "['', 1]", "[undefined]", "['%s']", "['x', ['y'], new Map([[1, 'z']])]",
  "['%s', 5]", "['%s', -0]", "['%s', 5n]", "['%s', true]", "['%s', null]", "['%s', undefined]", "['%s', Symbol('x')]", "['%s', {}]", "['%s', { a: { b: { c: 1 } } }]", "['%s', [1, [2, [3]]]]", "['%s', () => 1]", "['%s', function f(a, b) { return a; }]", "['%s', class A { m() {} }]", "['%s', new Date(0)]", "['%s', new Error('x')]", "['%s', Object.create(null)]", "['%s', new Map([[1, { a: 1 }]])]", "['%s', /x/g]", "['%s', new (class A extends Date {})(0)]", "['%s', new (class A {})()]", "['%s', Object(1)]", "['%s', Object('x')]", "['%s', Promise.resolve(1)]",
  ["['%s', { toString() { return 'T'; } }]"], ["['%s', new (class A { toString() { return 'T'; } })()]"], ["['%s', new (class B extends (class A { toString() { return 'T'; } }) {})()]"], ["['%s', new (class A extends Error { toString() { return 'T'; } })('x')]"], ["['%s', Object.assign(() => 1, { toString() { return 'F'; } })]"], ["['%s', { [Symbol.toPrimitive]() { return 'P'; } }]"], ["['%s', new (class A { [Symbol.toPrimitive]() { return 'P'; } })()]"], "['%s', { toString: 5 }]", ["['%s', Object.create({ toString() { return 'inherited'; } })]"],
  "['%d', 5]", "['%d', '5']", "['%d', 'abc']", "['%d', -0]", "['%d', '-0']", "['%d', 5n]", "['%d', 1.5]", "['%d', null]", "['%d', undefined]", "['%d', true]", "['%d', Symbol('x')]", ["['%d', {}]", { calls: true }], ["['%d', []]", { calls: true }], ["['%d', [5]]", { calls: true }], ["['%d', { valueOf() { return 7; } }]"], ["['%d', new Date(5)]", { calls: true }], "['%d', Object.create(null, {})]".replace(', {})', ', { valueOf: { value: () => 3 } })'), "['%d %d', 1]", "['%i', 5.7]", "['%i', '8px']", "['%i', 'px']", "['%i', 3n]", "['%i', Symbol('x')]", ["['%i', { toString() { return '12.5'; } }]"], "['%i', null]", "['%i', -0.5]", "['%f', '1.5x']", "['%f', 5]", "['%f', Symbol('x')]", "['%f', 'x']", "['%f', -0]", "['%f', null]",
  "['%j', { a: [1, 'x', null] }]", "['%j', 'x']", "['%j', undefined]", "['%j', () => {}]", ["['%j', { toJSON() { return { b: 1 }; } }]"], ["['%j', (() => { const a = {}; a.a = a; return a; })()]"], "['%O', { a: { b: { c: { d: 1 } } } }]", "['%O', 'x']", "['%o', [1, { a: 1 }]]", "['%o', { a: { b: { c: { d: { e: { f: 1 } } } } } }]", "['%o', 'x']", "['%o', new Proxy({ a: 1 }, {})]", ["['%o', function f() {}]", { v8: true }], "['%o', () => {}]", "['%o', new Uint8Array(1)]", "['%c', 'color: red']", "['%cred%c plain', 'color: red', '']", "['%c']", "['a %c b', 'css', 'rest']", "['%s:%d:%i:%f:%j:%o:%O:%c|', 'a', 1, 2.5, 3.5, {}, 4, 5, 'css']", "['%s\\n%s', 'a', 'b']", "['%S %D', 1]", "['%s', '%s', 'x']", "['a', '%s', 'x']", "['%s'.repeat(5), 1, 2, 3]",
];

const table = [
  '[[{ a: 1, b: "x" }, { a: 2, c: [1] }]]', '[[[1, 2], [3, 4]]]', '[[1, "a", { x: { y: 1 } }]]', '[{ a: 1, b: { c: 1 } }]', '[[]]', '[{}]', '[[{ a: 1, b: 2 }], ["b"]]', '[[{ a: 1, b: 2 }], ["z"]]', '[[{ a: 1, b: 2 }], ["b", "a", "z"]]', '[[1, 2], ["a"]]', '[new Map([[1, { a: 1 }], ["b", 2]])]', '[new Set([1, { a: 1 }])]', '[new Map()]', '[new Set()]', '[new Map([[1, 2]]).entries()]', '[new Map([[1, 2]]).keys()]', '[new Set([1]).values()]', '[[1, 2].values()]',
  '[[{ a: { b: 1, c: 2, d: 3 } }]]', '[[{ a: { b: 1, c: 2 } }]]', '[[new Date(0)]]', '[[[1, [2, [3]]]]]', '[["日本", "a"]]', '[new Uint8Array(3)]', '[[() => 1]]', '[[{ a() {} }]]', '[[, 1]]', '[{ a: undefined }]', '[[null, undefined]]', '[[Symbol("a")]]', '[[{ [Symbol("a")]: 1 }]]', '[[["a\\nb"]]]', '[[[]]]', '[[{}]]', '[[{ b: 1, 2: 1, a: 1, 1: 1 }]]', '[[{ a: "x".repeat(30) }, { a: "y" }]]', '[[{ a: [1, 2, 3, 4, 5] }]]', '[[{ "": 1 }]]', '[[-0, 1n, "s", true]]', '[[{ name: "Al", n: 1 }, { name: "Bo", n: 22 }, { name: "Cy" }]]', '[{ row1: { c: 1 }, row2: { c: 2, d: 3 } }]', '[[{ e: new Map([[1, 2]]) }]]', '[Object.create(null)]', '[[Object.create(null)]]', '[[["é", "😀", "e\\u0301"]]]', '[[[1, 2, 3]], [0, 2]]', '[new Map([["a", { b: { c: 1 } }]])]', '[new (class Foo { a = 1; b = { c: 1 } })()]', '[[1, 2, 3], []]', '[[{ a: 1 }], []]', '[new Proxy([{ a: 1 }], {})]', '[[new Proxy({ a: 1 }, {})]]',
  '[5]', '[null]', '[undefined]', '["str"]', '[() => 1]', '[Symbol("x")]',
];

// Hostile values: [name, source, options, expectation]. The expectation is the text, or a function of it.
const hostile = [
  ['getter that throws', '({ get a() { throw 1; } })', undefined, '{ a: [Getter] }'],
  ['getter that throws and is called', '({ get a() { throw "s"; }, get b() { throw undefined; } })', '{ getters: true }', '{\n  a: [Getter: <Inspection threw (s)>],\n  b: [Getter: <Inspection threw (undefined)>]\n}'],
  ['getter that loops', '({ get a() { for (;;); } })', undefined, '{ a: [Getter] }'],
  ['proxy whose traps throw', 'new Proxy({ a: 1 }, new Proxy({}, { get() { throw new Error("trap"); } }))', undefined, '{ a: 1 }'],
  ['proxy whose traps loop', 'new Proxy([1], { get() { for (;;); }, ownKeys() { for (;;); }, getOwnPropertyDescriptor() { for (;;); }, getPrototypeOf() { for (;;); } })', undefined, '[ 1 ]'],
  ['proxy as prototype', 'Object.create(new Proxy({}, { get() { for (;;); }, has() { for (;;); }, getPrototypeOf() { for (;;); }, getOwnPropertyDescriptor() { for (;;); } }))', undefined, '{}'],
  ['circle of prototypes through a proxy', '(() => { const a = { x: 1 }; Object.setPrototypeOf(a, new Proxy(a, { getPrototypeOf() { return null; } })); return a; })()', undefined, 'Object <Object <Object <Object <Complex prototype>>>> { x: 1 }'],
  ['proxy as constructor', '(() => { const a = { x: 1 }; a.constructor = new Proxy(function () {}, { get() { throw 1; } }); return a; })()', undefined, '{ x: 1, constructor: [Function (anonymous)] }'],
  ['proxies in proxies', '(() => { let p = { a: 1 }; for (let i = 0; i < 5000; i++) p = new Proxy(p, {}); return p; })()', undefined, '{ a: 1 }'],
  ['hasInstance that throws', 'new (class Foo { static [Symbol.hasInstance]() { throw 1; } })()', undefined, 'Foo {}'],
  ['toStringTag that throws', '({ __proto__: { get [Symbol.toStringTag]() { throw 1; } } })', undefined, '{}'],
  ['toStringTag that is an object', '({ __proto__: { [Symbol.toStringTag]: { toString() { throw 1; } } } })', undefined, '{}'],
  ['class name that throws', 'new (class Foo { static get name() { throw 1; } })()', undefined, 'Foo {}'],
  ['class name that is a function', 'new (class Foo { static name() {} })()', undefined, 'Foo {}'],
  ['function name that is an object', 'Object.defineProperty(function f() {}, "name", { value: { toString() { throw 1; } } })', undefined, '[Function: f]'],
  ['custom inspection that throws', '({ [Symbol.for("nodejs.util.inspect.custom")]() { throw new Error("no"); } })', undefined, '[Object: <Inspection threw (no)>]'],
  ['custom inspection that throws a hostile value', '({ [Symbol.for("nodejs.util.inspect.custom")]() { throw { get message() { throw 1; } }; } })', undefined, '[Object: <Inspection threw (undefined)>]'],
  ['custom inspection by a getter that throws', '({ get [Symbol.for("nodejs.util.inspect.custom")]() { throw 1; } })', undefined, '{ [Symbol(nodejs.util.inspect.custom)]: [Getter] }'],
  ['custom inspection that returns a symbol', '({ [Symbol.for("nodejs.util.inspect.custom")]() { return Symbol("s"); } })', undefined, 'Symbol(s)'],
  ['custom inspection without end', '({ a: { [Symbol.for("nodejs.util.inspect.custom")]() { return { [Symbol.for("nodejs.util.inspect.custom")]: this[Symbol.for("nodejs.util.inspect.custom")] }; } } })', undefined, (text) => text === '{ a: [Object: nesting too deep to inspect] }'],
  ['custom inspection that changes what is printed', '(() => { const a = [1, { [Symbol.for("nodejs.util.inspect.custom")]() { a.length = 2; return "gone"; } }, 3, 4]; return a; })()', undefined, (text) => text.length < 100],
  ['error with hostile name and message', 'Object.assign(new Error("x"), { name: { toString() { throw 1; } }, message: { get a() { throw 1; } } })', undefined, (text) => text.includes('[object Object]: [object Object]') || text.includes('[object Object]')],
  ['error with getters that throw', 'Object.defineProperties(new Error("x"), { stack: { get() { throw 1; } }, name: { get() { throw 1; } }, message: { get() { throw 1; } }, cause: { get() { throw 1; } } })', undefined, '[Error] { [cause]: [Getter] }'],
  ['error that causes itself', '(() => { const e = new Error("x"); e.cause = e; e.stack = "Error: x\\n    at a (a.js:1:1)"; return e; })()', undefined, '<ref *1> Error: x\n    at a (a.js:1:1) {\n  cause: [Circular *1]\n}'],
  ['error whose stack has no header', 'Object.assign(new RangeError("x"), { stack: "    at a (a.js:1:1)\\n    at b (b.js:1:1)\\n" })', undefined, 'RangeError: x\n    at a (a.js:1:1)\n    at b (b.js:1:1)'],
  ['nested error whose stack has no header', '({ e: Object.assign(new (class FooError extends TypeError {})("x"), { stack: "    at a (a.js:1:1)\\n", code: 1 }) })', undefined, '{\n  e: FooError [TypeError]: x\n      at a (a.js:1:1) {\n    code: 1\n  }\n}'],
  ['error with a huge stack', 'Object.assign(new Error("x"), { stack: "Error: x" + "\\n    at a (a.js:1:1)".repeat(1e6) })', undefined, (text) => text.length < 200000],
  ['error with a huge message', 'Object.assign(new Error("x".repeat(1e7)), { cause: new Error("y".repeat(1e7)) })', undefined, (text) => text.length < 400000],
  ['long chain of causes', '(() => { let e = new Error("x"); for (let i = 0; i < 1e4; i++) e = new Error("x", { cause: e }); return e; })()', '{ depth: Infinity }', (text) => text.includes('nesting too deep to inspect')],
  ['sparse array', '(() => { const a = []; a[4294967294] = 1; return a; })()', undefined, '[ <4294967294 empty items>, 1 ]'],
  ['sparse array of many items', '(() => { const a = []; for (let i = 0; i < 1000; i++) a[i * 1e6] = i; return a; })()', undefined, (text) => text.includes('more items') && text.length < 10000],
  ['big dense array', 'new Array(3e6).fill(1)', undefined, (text) => text.includes('... 2999900 more items')],
  ['big typed array', 'new Uint8Array(5e7)', undefined, (text) => text.startsWith('Uint8Array(50000000) [') && text.includes('... 49999900 more items')],
  ['big buffer', 'new ArrayBuffer(5e7)', undefined, (text) => text.includes('... 49999900 more bytes')],
  ['big boxed string', 'new String("x".repeat(1e7))', undefined, (text) => text.length < 11000],
  ['big string in an object', '({ a: "x".repeat(1e8) })', undefined, (text) => text.length < 11000],
  ['big key', '({ ["x".repeat(1e7)]: 1, [Symbol("y".repeat(1e7))]: 2 })', undefined, (text) => text.length < 50000],
  ['big names', '(() => { const f = function () {}; Object.defineProperty(f, "name", { value: "x".repeat(1e7) }); f.prototype.constructor = f; return [f, new f()]; })()', undefined, (text) => text.length < 100000],
  ['big toStringTag', 'Object.create({ [Symbol.toStringTag]: "x".repeat(1e7) })', undefined, (text) => text.length < 50000],
  ['many keys', '(() => { const o = {}; for (let i = 0; i < 3e5; i++) o["k" + i] = i; return o; })()', undefined, (text) => text.includes('... 290000 more properties') && text.length < 500000],
  ['many entries', 'new Map(Array.from({ length: 3e5 }, (_, i) => [i, i]))', undefined, (text) => text.includes('... 299900 more items')],
  ['many entries, all wanted', 'new Set(Array.from({ length: 5e5 }, (_, i) => i))', '{ maxArrayLength: null }', (text) => /\.\.\. \d+ more items/.test(text)],
  ['deep nesting', '(() => { let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return o; })()', '{ depth: Infinity }', (text) => text.includes('[Object: nesting too deep to inspect]') && text.length < 1e7],
  ['deep nesting of arrays', '(() => { let o = []; for (let i = 0; i < 1e5; i++) o = [o]; return o; })()', '{ depth: null }', (text) => text.includes('nesting too deep to inspect') && text.length < 1e7],
  ['deep nesting of prototypes', '(() => { let o = Object.create(null); for (let i = 0; i < 1e5; i++) o = Object.create(o); return o; })()', '{ depth: null }', (text) => text.startsWith('Object <')],
  ['exponential nesting', '(() => { let o = { x: 1 }; for (let i = 0; i < 60; i++) o = { a: o, b: o }; return o; })()', '{ depth: 100 }', (text) => text.length < 5e7],
  ['exponential nesting of arrays', '(() => { let o = [1]; for (let i = 0; i < 60; i++) o = [o, o, o]; return o; })()', '{ depth: Infinity }', (text) => text.length < 5e7],
  ['wide and deep', '(() => { const w = (n) => n === 0 ? 1 : Array.from({ length: 100 }, () => w(n - 1)); const x = w(2); return Array.from({ length: 100 }, () => x); })()', '{ depth: 5 }', (text) => text.length < 5e7],
  ['options that are hostile', '({ a: 1 })', 'new Proxy({}, { get() { throw 1; }, getOwnPropertyDescriptor() { throw 1; } })', '{ a: 1 }'],
  ['options with getters that throw', '({ a: 1 })', '({ get depth() { throw 1; }, compact: { valueOf() { throw 1; } }, breakLength: NaN, maxArrayLength: "x", sorted() { throw 1; } })', '{ a: 1 }'],
  ['options on Object.prototype', '({ a: { b: 1 } })', 'Object.create({ depth: 0 })', '{ a: { b: 1 } }'],
  ['sort that throws', '({ b: 1, a: 2 })', '({ sorted() { throw 1; } })', '{ b: 1, a: 2 }'],
  ['regular expression with hostile getters', 'Object.defineProperties(/x/gi, { source: { get() { throw 1; } }, flags: { get() { throw 1; } }, global: { value: false } })', undefined, '/x/gi'],
  ['date with hostile methods', 'Object.defineProperties(new Date(0), { toISOString: { value() { throw 1; } }, getTime: { value() { throw 1; } } })', undefined, '1970-01-01T00:00:00.000Z'],
  ['map with hostile methods', 'Object.defineProperties(new Map([[1, 2]]), { size: { get() { throw 1; } }, forEach: { value() { throw 1; } }, entries: { value() { throw 1; } }, [Symbol.iterator]: { value() { throw 1; } } })', undefined, 'Map(1) { 1 => 2 }'],
  ['typed array with hostile length', 'Object.defineProperty(new Uint8Array(2), "length", { get() { throw 1; } })', undefined, 'Uint8Array(2) [ 0, 0 ]'],
  ['detached buffer', '(() => { const b = new ArrayBuffer(8); if (b.transfer) b.transfer(); else if (typeof structuredClone === "function") structuredClone(b, { transfer: [b] }); return b; })()', undefined, (text) => text === 'ArrayBuffer { (detached), byteLength: 0 }' || /^ArrayBuffer {\s+\[Uint8Contents\]/.test(text)],
  ['thenable and iterable traps', '({ then() { throw 1; }, [Symbol.iterator]() { throw 1; }, toJSON() { throw 1; }, [Symbol.toPrimitive]() { throw 1; } })', undefined, (text) => text.startsWith('{\n  then: [Function: then],')],
  ['function with hostile toString', 'Object.defineProperty(function f() {}, "toString", { value() { throw 1; } })', undefined, '[Function: f]'],
];

// Formats with hostile arguments, as hostile.
const hostileFormats = [
  ['%s of toString that throws', "['%s', { toString() { throw 1; } }]", '{ toString: [Function: toString] }'],
  ['%s of toPrimitive that throws', "['%s', { [Symbol.toPrimitive]() { throw 1; } }]", '{ [Symbol(Symbol.toPrimitive)]: [Function: [Symbol.toPrimitive]] }'],
  ['%s of a proxy', "['%s', new Proxy({ a: 1 }, { get() { throw 1; } })]", '{ a: 1 }'],
  ['%s of a revoked proxy', "['%s', (() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()]", '<Revoked Proxy>'],
  ['%d of valueOf that throws', "['%d', { valueOf() { throw 1; } }]", 'NaN'],
  ['%i of toString that throws', "['%i', { toString() { throw 1; } }]", 'NaN'],
  ['%f of toString that throws', "['%f', { toString() { throw 1; } }]", 'NaN'],
  ['%j of toJSON that throws', "['%j', { toJSON() { throw new Error('no'); } }]", '<Inspection threw (no)>'],
  ['%j of a bigint', "['%j', 1n]", (text) => /^<Inspection threw \(.*BigInt.*\)>$/i.test(text)],
  ['objects without prototype', "[Object.create(null), '%s', Object.create(null)]", '[Object: null prototype] {} %s [Object: null prototype] {}'],
  ['many specifiers', "['%s'.repeat(1e5), 1, 2]", (text) => text.startsWith('12%s%s') && text.length === 199998],
];

// Tables of hostile values, as hostile.
const hostileTables = [
  ['table with getters', '[[{ get a() { throw 1; } }]]', '┌─────────┬──────────┐\n│ (index) │ a        │\n├─────────┼──────────┤\n│ 0       │ [Getter] │\n└─────────┴──────────┘'],
  ['table of a proxy', '[new Proxy([{ a: 1 }], { get() { throw 1; }, ownKeys() { throw 1; } })]', '┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘'],
  ['table of a revoked proxy', '[(() => { const r = Proxy.revocable({}, {}); r.revoke(); return r.proxy; })()]', undefined],
  ['table of a big array', '[new Array(1e6).fill(1)]', (text) => text.length < 1e6],
  ['table of a sparse array', '[new Array(1e9)]', '┌─────────┐\n│ (index) │\n├─────────┤\n└─────────┘'],
  ['table of many columns', '[[Object.fromEntries(Array.from({ length: 20000 }, (_, i) => ["k" + i, i]))]]', (text) => text.length < 1e7],
  ['table with hostile columns', '[[{ a: 1 }], new Proxy(["a"], { get() { throw 1; } })]', '┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘'],
];

// Calls of the console, and what the host is called with (name, arguments), all as JSON-like data.
const calls = [
  ["console.log()", [['__console_log', 'log', '']]],
  ["console.log('a')", [['__console_log', 'log', 'a', 'a']]],
  ["console.log('a', 1, true, null, undefined)", [['__console_log', 'log', 'a 1 true null undefined', 'a', 1, true, null, undefined]]],
  ["console.log(-0)", [['__console_log', 'log', '-0', -0]]],
  ["console.log(5n)", [['__console_log', 'log', '5n', 5n]]],
  ["console.log('100%')", [['__console_log', 'log', '100%', '100%']]],
  ["console.log('%d%%', 5)", [['__console_log', 'log', '5%', '%d%%', 5]]],
  ["console.log(1, '%s', 2)", [['__console_log', 'log', '1 %s 2', 1, '%s', 2]]],
  ["console.info({ a: 1 })", [['__console_log', 'info', '{ a: 1 }', { a: 1 }]]],
  ["console.warn('%s!', 'x')", [['__console_log', 'warn', 'x!', '%s!', 'x']]],
  ["console.error(Symbol.iterator.description)", [['__console_log', 'error', 'Symbol.iterator', 'Symbol.iterator']]],
  ["console.debug([1, 2])", [['__console_log', 'debug', '[ 1, 2 ]', [1, 2]]]],
  ["console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 })", [['__console_log', 'dir', '{ a: [Object] }', { a: { b: { c: { d: 1 } } } }, { depth: 0 }]]],
  ["console.dir('x')", [['__console_log', 'dir', "'x'", 'x']]],
  ["console.dir()", [['__console_log', 'dir', 'undefined']]],
  ["console.dirxml(1, 'x')", [['__console_log', 'dirxml', '1 x', 1, 'x']]],
  ["console.table([[1]])", [['__console_log', 'table', '┌─────────┬───┐\n│ (index) │ 0 │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘', [[1]]]]],
  ["console.table('x')", [['__console_log', 'log', 'x', 'x']]],
  ["console.table()", [['__console_log', 'log', '']]],
  ["console.assert(true, 'x')", []],
  ["console.assert()", [['__console_assert', 'Assertion failed']]],
  ["console.assert(false)", [['__console_assert', 'Assertion failed']]],
  ["console.assert(0, 'why %s', 'not')", [['__console_assert', 'Assertion failed: why not', 'why %s', 'not']]],
  ["console.assert(false, 'x', 1)", [['__console_assert', 'Assertion failed: x 1', 'x', 1]]],
  ["console.assert(false, { a: 1 }, 'b')", [['__console_assert', 'Assertion failed { a: 1 } b', { a: 1 }, 'b']]],
  ["console.count(); console.count('a'); console.count(undefined); console.count(null); console.countReset('a')", [['__console_count', 'default'], ['__console_count', 'a'], ['__console_count', 'default'], ['__console_count', 'null'], ['__console_countReset', 'a']]],
  ["console.time(); console.timeLog(); console.timeLog('t', 1, { a: 1 }); console.timeEnd('t')", [['__console_time', 'default'], ['__console_timeLog', 'default', ''], ['__console_timeLog', 't', '1 { a: 1 }', 1, { a: 1 }], ['__console_timeEnd', 't']]],
  ["console.group(); console.group('a %s', 'b'); console.groupCollapsed({ c: 1 }); console.groupEnd()", [['__console_group', '', false], ['__console_group', 'a b', false, 'a %s', 'b'], ['__console_group', '{ c: 1 }', true, { c: 1 }], ['__console_groupEnd']]],
  ["console.clear()", [['__console_clear']]],
  ["const { log } = console; log('detached', 1)", [['__console_log', 'log', 'detached 1', 'detached', 1]]],
];

module.exports = { inspect, withOptions, format, table, hostile, hostileFormats, hostileTables, calls };
