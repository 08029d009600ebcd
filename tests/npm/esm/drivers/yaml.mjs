import { parse, stringify, parseDocument } from 'yaml';
const text = 'a: &x [1, 2.5, 0x1f, ~, yes]\nb: *x\nc: |\n  two\n  lines\nd: {e: "\\u00e9", f: !!str 3}\n# note\ng: 2001-12-14\n';
const doc = parseDocument(text);
console.log(parse(text), stringify({ k: [1, { a: 'b: c' }], long: 'x'.repeat(90), n: null }), doc.errors.length, String(doc), parseDocument('a: [1').errors.map((e) => e.code));
