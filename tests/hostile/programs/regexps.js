const text = 'the quick brown fox, 2024-01-02, jumps over 1999-12-31 the lazy dög 😀 '.repeat(20);
const found = [...text.matchAll(/(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)/gu)].map((m) => ({ ...m.groups }));
if (found.length !== 40) throw new Error('wrong');
text.replace(/\b(\w)(\w*)\b/g, (_, a, b) => a.toUpperCase() + b).split(/[,\s]+/);
for (const source of ['a+b*', '(?:x|y)+?', '[^\\d\\W]{2,5}', '(?<=\\s)f(?!y)', '\\p{L}+', '(a)|(b)|(c)']) {
  const re = new RegExp(source, 'dgu');
  re.test(text);
  re.lastIndex = 0;
  re.exec(text)?.indices;
  text.search(re);
}
try { new RegExp('('); } catch (e) { if (!(e instanceof SyntaxError)) throw e; }
'done';
