// Turns a long README into HTML in several ways. INPUT is the README's text; the bundle defined `marked`.
(function () {
  const { Marked, Lexer, Renderer, parse, parseInline, lexer, walkTokens, getDefaults } = globalThis.marked;
  const readme = globalThis.INPUT;
  const part = readme.slice(0, 16000);

  section('defaults');
  console.log(Object.keys(globalThis.marked).sort().join(' '));
  console.log(JSON.stringify(getDefaults()));

  section('the whole file');
  console.log(parse(readme));

  section('not GitHub flavoured, and with line breaks');
  console.log(parse(readme.slice(16000, 32000), { gfm: false }));
  console.log(parse(readme.slice(32000, 48000), { breaks: true }));
  console.log(parse(readme.slice(48000, 60000), { pedantic: true, gfm: false }));

  section('tokens by type');
  const tokens = lexer(part);
  const counts = new Map();
  walkTokens(tokens, (token) => {
    const entry = counts.get(token.type) ?? { count: 0, characters: 0 };
    entry.count += 1;
    entry.characters += token.raw.length;
    counts.set(token.type, entry);
  });
  for (const [type, { count, characters }] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(type.padEnd(12), count, characters);
  }
  console.log('tokens give the source back:', tokens.map((token) => token.raw).join('') === part);
  console.log(JSON.stringify(tokens.slice(0, 30)));

  section('table of contents by a renderer of our own');
  const contents = [];
  const slugs = new Map();
  const outline = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const text = this.parser.parseInline(tokens);
        const plain = text.replace(/<[^>]*>/g, '').toLowerCase().trim();
        const base = plain.replace(/[^\p{L}\p{N}\- ]/gu, '').replace(/ /g, '-');
        const seen = slugs.get(base) ?? 0;
        slugs.set(base, seen + 1);
        const slug = seen === 0 ? base : `${base}-${seen}`;
        contents.push(`${'  '.repeat(depth - 1)}- ${plain} #${slug}`);
        return `<h${depth} id="${slug}">${text}</h${depth}>\n`;
      },
      code({ text, lang }) {
        return `<pre data-lang="${lang ?? ''}" data-lines="${text.split('\n').length}"></pre>\n`;
      },
      link({ href, text }) {
        return /^https?:/.test(href) ? `<a rel="external" href="${href}">${text}</a>` : false;
      },
    },
  });
  console.log(outline.parse(readme.slice(-24000)));
  console.log(contents.join('\n'));

  section('an extension, hooks and walkTokens');
  const extended = new Marked();
  extended.use({
    extensions: [{
      name: 'mention',
      level: 'inline',
      start(source) { return source.match(/@/)?.index; },
      tokenizer(source) {
        const match = /^@([a-z\d][a-z\d-]*)/i.exec(source);
        return match ? { type: 'mention', raw: match[0], user: match[1] } : undefined;
      },
      renderer(token) { return `<b class="mention">${token.user.toUpperCase()}</b>`; },
    }],
    hooks: {
      preprocess: (markdown) => markdown.replace(/\(c\)/gi, '©'),
      postprocess: (html) => `<article>\n${html}</article>`,
    },
    walkTokens(token) {
      if (token.type === 'heading') token.depth = Math.min(6, token.depth + 1);
    },
  });
  console.log(extended.parse('# Hello @World\n\nMail @a-b and me@example.org (c) 2024\n\n## Two\n- [x] done\n- [ ] open\n'));

  section('hard cases');
  const pieces = [
    '*a **b ***c*** b** a*', '***strong em***', '_a_b_c_', '**a*', '`` ` ``', '<b>*x*</b>', '\\*not em\\*',
    '[a](<b c> "t\\"u")', '![i](j "k")', '[ref][r]\n\n[r]: /u "v"', '<https://e.org/?a=1&b=2>', 'www.example.org/x_y_z.',
    '~~gone~~ ~one~', '| a | b |\n|:-:|--:|\n| 1 | \\| |\n| `x|y` | z', '> a\n> > b\nlazy\n\n> c', '1. a\n2. b\n\n   c\n10. d',
    '- a\n  - b\n    - c\n- d', '    code\n\n    more', '~~~js {1,2}\nlet a;\n~~~', 'a\\\nb  \nc', 'Setext\n===\n\nOther\n---',
    '<!-- c --> <?p?> <![CDATA[x]]>', '&amp; &copy; &#35; &nope; & <', '***\n---\n___', '# a #\n####### seven', 'é ü 漢字 **漢**字 😀 *😀*',
    '[a]: b\n[a] [a][] [A]', '<div>\n*html*\n\n*md*\n</div>', '* a\n\n  b\n* c', '`a\nb`', '![a [b](c)](d)', '[x](javascript:alert(1))',
    '**a**b**c**', '1986\\. A great year', '+ a\n- b\n* c', '\ta\n\n\tb', '[link](/a(b)c)', '**Gomphocarpus (*Gomphocarpus physocarpus*)**',
  ];
  for (const piece of pieces) console.log(JSON.stringify(piece), '=>', JSON.stringify(parse(piece)), JSON.stringify(parseInline(piece)));

  section('objects as they are printed');
  console.log(lexer('# *Title*\n\n| a | b |\n|---|---|\n| 1 | **2** |\n'));
  console.log(new Lexer().state, new Renderer().hr({}));

  section('errors');
  for (const wrong of [undefined, null, 42, {}]) {
    try {
      console.log(parse(wrong));
    } catch (error) {
      console.log(error instanceof Error, error.name, error.message.replace(/\n/g, '|'));
    }
  }

  section('a promise');
  parse(part, { async: true }).then((html) => console.log('promise:', html.length, html === parse(part)));

  function section(title) {
    console.log(`\n==== marked: ${title}`);
  }
})();
