// Parses a half-megabyte library and a list of modern snippets. INPUT is the library's source; the bundle defined `acorn`.
(function () {
  const acorn = globalThis.acorn;
  const source = globalThis.INPUT;
  const options = { ecmaVersion: 'latest', sourceType: 'script' };

  section('version');
  console.log(acorn.version, Object.keys(acorn).sort().join(' '));

  section('the large file');
  const comments = [];
  const tree = acorn.parse(source, { ...options, onComment: (block, text, start, end) => comments.push([block, end - start]) });
  const counts = new Map();
  const names = new Map();
  const strings = [];
  const functions = [];
  let deepest = 0;
  walk(tree, 0, (node, depth) => {
    add(counts, node.type);
    deepest = Math.max(deepest, depth);
    if (node.type === 'Identifier') add(names, node.name);
    if (node.type === 'Literal' && typeof node.value === 'string') strings.push(node.value);
    if (node.type === 'FunctionDeclaration') functions.push(`${node.id.name}/${node.params.length}@${node.start}-${node.end}`);
  });
  printCounts(counts);
  console.log('deepest', deepest, 'body', tree.body.length, 'end', tree.end, 'comments', comments.length,
    'of which blocks', comments.filter(([block]) => block).length,
    'characters', comments.reduce((sum, [, length]) => sum + length, 0));

  section('names, functions and strings of the large file');
  console.log([...names].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([name, count]) => `${name}:${count}`).join(' '));
  console.log(functions.join('\n'));
  console.log(JSON.stringify(strings));

  section('tokens of the large file');
  const labels = new Map();
  let characters = 0;
  for (const token of acorn.tokenizer(source, options)) {
    add(labels, token.type.label);
    characters += token.end - token.start;
  }
  printCounts(labels);
  console.log('characters in tokens', characters);

  section('snippets');
  const snippets = [
    'let a = 1, b = a ** 2, c = a ?? b; c ||= a?.b?.[c]?.(a);',
    'class A extends (class {}) { #p = 1; static { this.q = 2; } get #g() { return #p in this; } static async *m(...r) { yield* r; } }',
    'async function f({ a = 1, ...rest }, [b, , c = 2] = []) { for await (const x of b) await x; }',
    'const t = tag`a${1}\\u0041${`nested ${2}`}z`; label: for (;;) { if (t) continue label; else break label; }',
    'var re = /(?<year>\\d{4})-(?<!x)\\p{L}+/gu, big = 123_456n, hex = 0xff, oct = 0o17, bin = 0b11, num = 1_000.5e-3;',
    'switch (x) { case 1: case 2: { y } break; default: throw new Error(`no`) } try { z } catch { w } finally { v }',
    'with (o) { p = function* g() { const q = yield; return q } }',
    'x = async (a) => { await a }; y = async => async; z = (a, b) => ({ a, b, ["c" + 1]: 2, get d() { return 3 }, __proto__: null });',
    'if (a) ; else if (b) { } do { a-- } while (a > 0) for (const [k, v] of e) delete v[k], void 0;',
    'var ünïcödé = "\\x41\\u{1F600}\\n\\0", 漢字 = \'line\\\ncontinued\';',
    '0, function () { "use strict"; return new.target }, new (foo.bar)(...args), !function () {}()',
    '"use strict"; (function (a) { return a?.[0] ?? import.meta })',
    '/* c */ a /= /=b/g / c // d\n--> html-like comment',
  ];
  for (const snippet of snippets) parseAndPrint(snippet, { ...options, locations: true });

  section('modules');
  const modules = [
    'import a, { b as c, default as d } from "m"; import * as n from "n"; import "o"; export { c as e, d }; export * as p from "q";',
    'export default class { static x = await 1 } export const { f, g: [h] } = i; export * from "r"; await import("s");',
    'import data from "./d.json" with { type: "json" }; export { data as "a name" };',
  ];
  for (const module of modules) parseAndPrint(module, { ecmaVersion: 'latest', sourceType: 'module', ranges: true });

  section('syntax errors');
  const wrong = [
    'let a; let a', 'const b', 'return', 'a b', '({ a: 1, ', 'function (', '"unterminated', '`open ${', '/open', 'let let = 1',
    'for (let a, b of c);', 'x = { __proto__: 1, __proto__: 2 }', '"use strict"; with (a) {}', 'class A { constructor() {} constructor() {} }',
    'break', 'a?.b = 1', 'a ?? b || c', '-1 ** 2', 'async () => await', '#p in q', 'class B { #x; #x }', 'new.target', 'super()',
    '/(?<n>a)(?<n>b)/u', '/[b-a]/', '/a{2,1}/', '/\\p{Nope}/u', '08n', '1__0', '0b2', '\\u{110000}', 'export {}', 'import.meta',
    'label: label: ;', 'if (a) class C {}', '({ a }) = 1', '[...a, b] = c', 'try {}', 'switch (a) { default: default: }', 'yield\nlet\nawait 1',
    '"\\u{zz}"', '@', 'var \\u0030x', 'continue a', 'delete this.#p', '(a, a) => { "use strict" }', 'async function* f() { yield = 1 }',
  ];
  for (const text of wrong) parseAndPrint(text, options);

  section('old editions');
  for (const ecmaVersion of [3, 5, 2015, 2017, 2020]) {
    for (const text of ['let a = () => `x`', 'a ** b', 'a?.b', 'async function f() {}', 'var class1 = { get a() { } }', 'a ??= 1n']) {
      try {
        console.log(ecmaVersion, text, '=>', acorn.parse(text, { ecmaVersion }).body.map((node) => node.type).join(' '));
      } catch (error) {
        console.log(ecmaVersion, text, '=>', error.message);
      }
    }
  }

  section('a parser that was extended');
  const Extended = acorn.Parser.extend((Base) => class extends Base {
    parseLiteral(value) {
      const node = super.parseLiteral(value);
      node.shout = String(value).toUpperCase();
      return node;
    }
  });
  console.log(show(Extended.parse('f("a", 1, true)', options)));
  console.log(show(acorn.parseExpressionAt('ignored (1 + 2) * three; rest', 8, options)));
  console.log(JSON.stringify(acorn.getLineInfo(source, 300000)), acorn.isIdentifierStart(0x6f22), acorn.isIdentifierChar(0x200d));

  section('objects as they are printed');
  console.log(acorn.parse('a = [1, "two"]', options));
  console.log([...acorn.tokenizer('a + 1', options)]);

  function walk(node, depth, visit) {
    visit(node, depth);
    for (const key in node) {
      const value = node[key];
      if (Array.isArray(value)) {
        for (const item of value) if (item && typeof item.type === 'string') walk(item, depth + 1, visit);
      } else if (value && typeof value.type === 'string') {
        walk(value, depth + 1, visit);
      }
    }
  }

  function parseAndPrint(text, settings) {
    try {
      console.log(JSON.stringify(text), '=>', show(acorn.parse(text, settings)));
    } catch (error) {
      console.log(JSON.stringify(text), '=>', error.name, error.message, error.pos, error.raisedAt, JSON.stringify(error.loc));
    }
  }

  function show(tree) {
    return JSON.stringify(tree, (_, value) =>
      typeof value === 'bigint' ? `${value}n` : value instanceof RegExp ? String(value) : value);
  }

  function add(map, key) {
    map.set(key, (map.get(key) ?? 0) + 1);
  }

  function printCounts(map) {
    for (const [key, count] of [...map].sort(([a], [b]) => (a < b ? -1 : 1))) console.log(key.padEnd(24), count);
  }

  function section(title) {
    console.log(`\n==== acorn: ${title}`);
  }
})();
