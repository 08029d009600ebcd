// Parses 100,000 URLs of `urls`, which run.sh makes of the web platform tests' urltestdata.json. Warm, in one process.
'use strict';
const ROUNDS = 100_000;
const valid = urls.filter((url) => URL.canParse(url));
const works = {
  'parse, with those that fail': () => {
    let parsed = 0;
    for (let i = 0; i < ROUNDS; i++) {
      try {
        new URL(urls[i % urls.length]);
        parsed++;
      } catch { /* counted by what is missing */ }
    }
    return parsed;
  },
  'parse, valid ones': () => {
    let last;
    for (let i = 0; i < ROUNDS; i++) last = new URL(valid[i % valid.length]);
    return last.href.length;
  },
  'parse and read four components': () => {
    let size = 0;
    for (let i = 0; i < ROUNDS; i++) {
      const url = new URL(valid[i % valid.length]);
      size += url.protocol.length + url.host.length + url.pathname.length + url.search.length;
    }
    return size;
  },
  'search parameters, 20,000 times': () => {
    let size = 0;
    for (let i = 0; i < 20_000; i++) size += new URLSearchParams('a=1&b=hello+world&c=%20x').toString().length;
    return size;
  },
};
for (const [name, work] of Object.entries(works)) {
  work();
  let best = Infinity;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  console.log(name.padEnd(36), best.toFixed(1) + ' ms');
}
