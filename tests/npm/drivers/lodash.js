// Real work over a few thousand records, then timers. The bundle defined `_`.
(function () {
  const _ = globalThis._;
  const random = generator(7);
  const records = makeRecords(3000);

  section('version');
  console.log(_.VERSION, _.functions(_).length, _.functions(_).join(' '));

  section('collections');
  const byCountry = _.groupBy(records, 'country');
  console.log(JSON.stringify(_.mapValues(byCountry, 'length')));
  console.log(JSON.stringify(_.countBy(records, (record) => Math.floor(record.age / 10) * 10)));
  for (const record of _.sortBy(records, ['country', 'name.last', (each) => -each.age, 'id'])) {
    console.log(record.id, record.country, record.name.last, record.name.first, record.age, record.balance);
  }
  console.log(JSON.stringify(_.map(_.orderBy(records, ['active', 'balance'], ['desc', 'asc']).slice(0, 200), 'id')));
  console.log(JSON.stringify(_.partition(records, 'active').map((part) => part.length)));
  console.log(JSON.stringify(_.keyBy(records.slice(0, 50), (record) => `${record.country}-${record.id}`)));
  console.log(_.sumBy(records, 'balance').toFixed(2), _.meanBy(records, 'age').toFixed(6), _.maxBy(records, 'balance').id, _.minBy(records, 'balance').id);
  console.log(JSON.stringify(_.uniqBy(records, 'name.last').map((record) => record.id)), _.every(records, 'id'), _.some(records, { age: 200 }));
  console.log(JSON.stringify(_.chunk(_.range(0, 53, 3), 4)), JSON.stringify(_.zip([1, 2], ['a', 'b'], [true])), JSON.stringify(_.unzipWith([[1, 10], [2, 20]], _.add)));
  console.log(JSON.stringify(_.flatMapDeep([1, 2], (n) => [[n, [n * n]]])), JSON.stringify(_.fromPairs(_.toPairs({ a: 1, b: 2 }))));
  console.log(JSON.stringify(_.invokeMap([[5, 1, 7], [3, 2, 1]], 'sort')), JSON.stringify(_.reduceRight([[0, 1], [2, 3]], (all, each) => all.concat(each), [])));
  console.log(JSON.stringify(_.find(records, { country: 'JP', active: true })), _.findIndex(records, ['name.first', 'Zoe']), JSON.stringify(_.sortedUniq([1, 1, 2, 3, 3])));

  section('chains');
  const summary = _.chain(records)
    .filter((record) => record.active && record.age >= 18)
    .groupBy('country')
    .map((group, country) => ({
      country,
      people: group.length,
      oldest: _.maxBy(group, 'age').name,
      total: _.round(_.sumBy(group, 'balance'), 2),
      tags: _.chain(group).flatMap('tags').countBy().toPairs().sortBy([1, 0]).reverse().take(3).value(),
    }))
    .orderBy(['people', 'country'], ['desc', 'asc'])
    .value();
  console.log(JSON.stringify(summary, null, 2));
  const lazy = _(records).map('balance').filter((amount) => amount > 0).map((amount) => amount * 2).reverse().drop(5).take(20);
  console.log(JSON.stringify(lazy), lazy.size(), String(_([1, 2, 3]).push(4)));

  section('objects');
  const settings = { a: { b: [1, { c: 2 }], d: null }, list: [1, 2, 3] };
  console.log(JSON.stringify(_.merge({}, settings, { a: { b: [9, { e: 3 }], d: { f: 4 } }, list: [, 5] })));
  console.log(JSON.stringify(_.mergeWith({ a: [1] }, { a: [2] }, (left, right) => (_.isArray(left) ? left.concat(right) : undefined))));
  console.log(JSON.stringify(_.defaultsDeep({ a: { x: 1 } }, { a: { x: 2, y: 3 }, z: 4 })), _.get(settings, 'a.b[1].c'), _.get(settings, ['a', 'q', 'r'], 'default'));
  console.log(JSON.stringify(_.set({}, 'x[0].y["z w"]', 5)), JSON.stringify(_.update({ n: 1 }, 'n', (n) => n + 1)), _.has(settings, 'a.d'), JSON.stringify(_.omit(settings, ['a.b', 'list'])));
  console.log(JSON.stringify(_.pick(settings, ['a.b[0]', 'list'])), JSON.stringify(_.invertBy({ a: 1, b: 2, c: 1 })), JSON.stringify(_.transform([2, 3, 4], (all, n) => { all.push(n * n); return n < 3; }, [])));
  console.log(JSON.stringify(_.mapKeys({ a: 1, b: 2 }, (value, key) => key + value)), JSON.stringify(_.pickBy({ a: 1, b: '2', c: 3 }, _.isNumber)), _.findKey({ a: 1, b: 2 }, (n) => n > 1));

  section('deep copies and equality');
  const deep = { date: new Date(Date.UTC(2024, 1, 29)), pattern: /a+/giu, map: new Map([['k', { v: 1 }], [{ o: 1 }, new Set([1, [2]])]]), bytes: new Uint8Array([1, 2, 255]),
    buffer: new ArrayBuffer(8), view: new DataView(new ArrayBuffer(4)), floats: new Float64Array([1.5, -0, NaN]), symbol: Symbol('s'), error: new RangeError('kept'), boxed: Object('text'), nan: NaN,
    holes: [1, , 3], big: 10n, [Symbol.for('key')]: 'by symbol' };
  deep.self = deep;
  deep.map.set('deep', deep);
  const copy = _.cloneDeep(deep);
  console.log(copy !== deep, copy.self === copy, copy.map.get('deep') === copy, copy.map !== deep.map, copy.date.toISOString(), String(copy.pattern), copy.bytes instanceof Uint8Array, copy.bytes.join(),
    copy.buffer.byteLength, copy.view.byteLength, copy.floats.join(), copy.symbol === deep.symbol, 1 in copy.holes, typeof copy.big, copy[Symbol.for('key')]);
  console.log(_.isEqual(deep, copy), _.isEqual(new Map([[1, new Set([{ a: 1 }])]]), new Map([[1, new Set([{ a: 1 }])]])), _.isEqual([NaN, -0], [NaN, 0]), _.isEqual({ a: 1 }, { a: 1, b: undefined }));
  console.log(_.isEqualWith('Hello', 'hello', (a, b) => (_.isString(a) ? a.toLowerCase() === b.toLowerCase() : undefined)), _.isMatch({ a: { b: 1, c: 2 } }, { a: { c: 2 } }), _.conformsTo({ n: 2 }, { n: (n) => n > 1 }));
  const many = _.cloneDeep(records);
  many[2999].name.last += '!';
  console.log(_.isEqual(records, many), _.isEqual(_.initial(records), _.initial(many)), JSON.stringify(_.differenceWith(_.takeRight(many, 60), _.takeRight(records, 60), _.isEqual)));

  section('kinds of values');
  const values = { undefined: undefined, null: null, true: true, zero: 0, minusZero: -0, nan: NaN, text: 'x', boxed: Object(1), array: [], args: (function () { return arguments; })(1, 2), object: {}, bare: Object.create(null),
    fn() {}, async: async () => {}, generator: function* () {}, klass: class A {}, date: new Date(0), regexp: /x/, error: new TypeError('t'), map: new Map(), set: new Set(), weakMap: new WeakMap(), symbol: Symbol('q'),
    bytes: new Uint8Array(1), buffer: new ArrayBuffer(1), promise: Promise.resolve(), proxy: new Proxy([], {}), big: 1n };
  const tests = _.functions(_).filter((name) => /^is[A-Z]/.test(name) && !/With$|^isEqual$|^isMatch$/.test(name));
  for (const [name, value] of Object.entries(values)) console.log(name.padEnd(10), tests.filter((test) => _[test](value)).join(' '));
  for (const name of ['toArray', 'toFinite', 'toInteger', 'toLength', 'toNumber', 'toString', 'toSafeInteger', 'toPath']) {
    console.log(name, [3.7, '0x1f', ' 42 ', '1e400', null, [1, [2]], 'a.b[0]["c.d"]', -0].map((value) => JSON.stringify(_[name](value))).join(' '));
  }

  section('strings');
  const texts = ['fooBar baz-qux_QUUX', 'HTTPServer2Go', 'déjà vu Ångström ßtraße', 'Ünïcode ✓ 漢字 👨‍👩‍👧 🇩🇪 é', '  padded  ', "fred, barney & \"pebbles\" <b>'</b>", '1st2nd 3RD', ''];
  const shapers = ['camelCase', 'kebabCase', 'snakeCase', 'startCase', 'lowerCase', 'upperCase', 'upperFirst', 'lowerFirst', 'capitalize', 'deburr', 'escape', 'trim', 'size', 'toUpper', 'escapeRegExp'];
  for (const text of texts) {
    for (const shaper of shapers) console.log(shaper.padEnd(12), JSON.stringify(_[shaper](text)));
    console.log(JSON.stringify([_.words(text), _.toArray(text), _.pad(text, 40, '-*'), _.truncate(text, { length: 12, separator: /,? +/ }), _.split(text, ' ', 2), _.unescape(_.escape(text)) === text]));
  }
  console.log(_.repeat('ab', 5), _.padStart('7', 3, '0'), _.parseInt('08'), _.startsWith('abc', 'b', 1), _.replace('a-b', /(\w)-(\w)/, '$2-$1'), JSON.stringify(_.range(5).map((n) => _.uniqueId(`id${n}-`))));

  section('templates');
  const page = _.template(`<table>
<% _.forEach(people, function (person, index) { %>  <tr class="<%= index % 2 ? 'odd' : 'even' %>"><td><%- person.name.first %> <%- person.name.last %></td><td>\${ person.balance.toFixed(2) }</td><td><%= person.tags.join(', ') %></td></tr>
<% }) %></table>`);
  console.log(page({ people: records.slice(0, 150) }));
  console.log(_.template('{{ a }}-{{ b.c }}', { interpolate: /{{([\s\S]+?)}}/g })({ a: '<1>', b: { c: 2 } }));
  console.log(_.template('<%= data.x %>|<% print(data.x * 2) %>|<%- data.y %>', { variable: 'data' })({ x: 21, y: '<&>' }));
  console.log(_.template('hello <%= user %>').source);
  console.log(_.attempt(_.template, '<% if ( %>') instanceof Error, _.attempt(JSON.parse, '{') instanceof SyntaxError);

  section('functions');
  let calls = 0;
  const once = _.once(() => ++calls);
  const memo = _.memoize((n) => (n < 2 ? n : memo(n - 1) + memo(n - 2)));
  const curried = _.curry((a, b, c) => [a, b, c]);
  console.log(once(), once(), memo(80), memo.cache.size, JSON.stringify(curried(1)(_, 3)(2)), JSON.stringify(_.partialRight((...all) => all, 'x', _)(1, 2)));
  console.log(_.flow([_.add, (n) => n * n])(1, 2), JSON.stringify(_.over([Math.max, Math.min])(1, 9, 5)), JSON.stringify(_.rearg((a, b, c) => [a, b, c], [2, 0, 1])('b', 'c', 'a')), _.negate(_.isEmpty)([1]));
  console.log(JSON.stringify(_.cond([[_.isString, _.size], [_.stubTrue, _.constant('other')]])('four')), JSON.stringify(_.times(4, (n) => n ** 2)), _.ary(parseInt, 1)('12', 1), _.wrap(_.escape, (f, s) => `<p>${f(s)}</p>`)('a & b'));
  console.log(_.bind(function (greeting, mark) { return `${greeting} ${this.name}${mark}`; }, { name: 'Ada' }, _, '!')('Hi'), _.spread(Math.max)([3, 8, 2]), _.unary(Number)('7', 8), _.before(3, () => 'b')(), _.after(1, () => 'a')());

  section('arrays and numbers');
  console.log(JSON.stringify([_.difference([2, 1, 3], [3]), _.intersectionBy([2.1, 1.2], [2.3, 3.4], Math.floor), _.union([2], [1, 2]), _.xor([2, 1], [2, 3]), _.without([2, 1, 2, 3], 1, 2), _.pullAt(['a', 'b', 'c'], [0, 2])]));
  console.log(JSON.stringify([_.sortedIndexBy([{ x: 4 }, { x: 5 }], { x: 4 }, 'x'), _.dropRightWhile([1, 2, 3], (n) => n > 1), _.takeWhile([1, 2, 3], (n) => n < 3), _.flattenDepth([1, [2, [3, [4]]]], 2), _.zipObjectDeep(['a.b[0].c'], [1]), _.nth([1, 2, 3], -1)]));
  console.log(_.clamp(15, 0, 10), _.inRange(3, 2, 4), _.round(4060, -2), _.ceil(6.004, 2), _.floor(-3.456, 1), _.divide(6, 4), _.subtract(6, 4), JSON.stringify(_.rangeRight(0, 10, 3)));

  section('objects as they are printed');
  console.log(records.slice(0, 3));
  console.log(_.groupBy([6.1, 4.2, 6.3], Math.floor), [_.range(120)], { nested: { deeper: { deepest: { hidden: 1 } } } });
  console.log(new Map(Object.entries(_.countBy(records, 'country'))), new Set(_.map(records, 'name.first')), [undefined, null, -0, 1n, Symbol('s'), 'quo\'te', 'line\nbreak']);
  console.log(deep.date, deep.pattern, deep.map.get('k'), deep.bytes, deep.floats, deep.holes, deep.boxed, class Point {}, function named() {}, () => {});
  console.log('%s is %d years and %i, %f, %j %o %O %%', 'Ada', 36.5, 36.9, '1.50', { a: 1 }, [1], { b: { c: {} } }, 'rest', 5);

  section('timers');
  const log = [];
  runTimers().then((total) => console.log('timers done', total, JSON.stringify(log)));

  // One step after the other, with pauses far longer than what is waited for, so that a slow machine sees the same order.
  async function runTimers() {
    const debounced = _.debounce((value) => log.push(`debounced ${value}`), 20);
    for (let i = 0; i < 5; i++) debounced(i);
    await pause(120);

    const leading = _.debounce((value) => log.push(`leading ${value}`), 20, { leading: true, trailing: false });
    for (let i = 0; i < 5; i++) leading(i);
    await pause(120);

    const throttled = _.throttle((value) => log.push(`throttled ${value}`), 40);
    for (let i = 0; i < 5; i++) throttled(i);
    await pause(200);

    const cancelled = _.debounce(() => log.push('never'), 20);
    cancelled();
    cancelled.cancel();
    const flushed = _.debounce((value) => { log.push(`flushed ${value}`); return value; }, 100);
    flushed(1);
    log.push(`flush returned ${flushed.flush()}`);
    await pause(60);

    _.defer((value) => log.push(`deferred ${value}`), 'a');
    _.delay((value) => log.push(`delayed ${value}`), 60, 'b');
    await pause(200);

    let ticks = 0;
    await new Promise((resolve) => {
      const id = setInterval(() => {
        log.push(`tick ${++ticks}`);
        if (ticks === 3) { clearInterval(id); resolve(); }
      }, 10);
    });
    return log.length;
  }

  function pause(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  function makeRecords(count) {
    const firsts = ['Ann', 'Bo', 'Cléo', 'Dmitri', 'Eve', 'Fatima', 'Gus', 'Hana', 'Zoe'];
    const lasts = ['Abe', 'Brontë', 'Çelik', "D'Arcy", 'Evans', 'Fox', 'Garcia', 'van der Berg', '<Young>'];
    const tags = ['red', 'green', 'blue', 'black', 'white'];
    return Array.from({ length: count }, (unused, index) => ({
      id: index + 1,
      name: { first: pick(firsts), last: pick(lasts) },
      country: pick(['DE', 'FR', 'JP', 'BR', 'US']),
      age: Math.floor(random() * 90),
      active: random() < 0.6,
      balance: Math.round((random() * 20000 - 5000) * 100) / 100,
      tags: tags.filter(() => random() < 0.4),
    }));
  }

  function pick(list) {
    return list[Math.floor(random() * list.length)];
  }

  // A linear congruential generator, so that every run sees the same records.
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 4294967296;
    };
  }

  function section(title) {
    console.log(`\n==== lodash: ${title}`);
  }
})();
