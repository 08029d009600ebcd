// `urltestdata` is the list of the web platform tests, which stands before this: texts are comments, objects are tests.
// "Valid" is what the list says and not what the engine thinks.
const ROUNDS = 100_000;
const all = urltestdata.filter((test) => typeof test === 'object');
const valid = all.filter((test) => !test.failure);
const absolute = valid.filter((test) => test.base == null);

function parse(tests) {
  let parsed = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const { input, base } = tests[i % tests.length];
    try {
      if (base == null) new URL(input);
      else new URL(input, base);
      parsed++;
    } catch { /* counted by what is missing */ }
  }
  return parsed;
}

run(5, {
  all: () => parse(all),
  valid: () => parse(valid),
  absolute: () => parse(absolute),
  components: () => {
    let size = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const url = new URL(absolute[i % absolute.length].input);
      size += url.protocol.length + url.host.length + url.pathname.length + url.search.length;
    }
    return size;
  },
  searchParams: () => {
    let size = 0;
    for (let i = 0; i < 20_000; i++) size += new URLSearchParams('a=1&b=hello+world&c=%20x').toString().length;
    return size;
  },
});
