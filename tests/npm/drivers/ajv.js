// Compiles schemas and validates some hundred documents, wrong ones among them. The bundle defined `Ajv`.
(function () {
  const Ajv = globalThis.Ajv;
  const random = generator(20240229);

  const address = {
    $id: 'https://example.org/address.json',
    type: 'object',
    required: ['street', 'city', 'country'],
    properties: {
      street: { type: 'string', minLength: 3, maxLength: 30 },
      city: { type: 'string', pattern: '^[A-ZÄÖÜ][\\p{L} -]*$' },
      zip: { type: 'string', pattern: '^[0-9]{4,5}$' },
      country: { enum: ['DE', 'FR', 'JP', 'BR'] },
    },
    additionalProperties: false,
  };

  const person = {
    $id: 'https://example.org/person.json',
    definitions: { positive: { type: 'integer', exclusiveMinimum: 0 } },
    type: 'object',
    required: ['id', 'name', 'email'],
    properties: {
      id: { $ref: '#/definitions/positive' },
      name: { type: 'string', minLength: 1 },
      email: { type: 'string', format: 'email' },
      site: { type: 'string', format: 'uri' },
      born: { type: 'string', format: 'date' },
      seen: { type: 'string', format: 'date-time' },
      ip: { anyOf: [{ type: 'string', format: 'ipv4' }, { type: 'string', format: 'ipv6' }] },
      tags: { type: 'array', items: { type: 'string' }, uniqueItems: true, minItems: 1, maxItems: 4, contains: { const: 'all' } },
      score: { type: 'number', multipleOf: 0.5, minimum: 0, maximum: 100 },
      address: { $ref: 'address.json' },
      role: { type: 'string' },
      level: { type: 'integer' },
    },
    patternProperties: { '^x-': { type: ['string', 'null'] } },
    propertyNames: { maxLength: 12 },
    dependencies: { zone: ['address'], level: { required: ['role'] } },
    if: { properties: { role: { const: 'admin' } }, required: ['role'] },
    then: { properties: { level: { minimum: 5 } }, required: ['level'] },
    else: { not: { required: ['secret'] } },
  };

  const tree = {
    $id: 'https://example.org/tree.json',
    type: 'object',
    properties: { value: { type: 'number' }, children: { type: 'array', items: { $ref: '#' } } },
    required: ['value'],
    additionalProperties: false,
  };

  const shape = {
    oneOf: [
      { properties: { kind: { const: 'circle' }, radius: { type: 'number' } }, required: ['kind', 'radius'] },
      { properties: { kind: { const: 'box' }, sides: { type: 'array', items: [{ type: 'number' }, { type: 'number' }], additionalItems: false } }, required: ['kind', 'sides'] },
      { properties: { kind: { enum: ['line', 'circle'] }, length: { type: 'number' } }, required: ['kind', 'length'] },
    ],
  };

  section('persons');
  const ajv = new Ajv({ allErrors: true, verbose: false, unicode: true, format: 'full', schemas: [address, tree] });
  const validatePerson = ajv.compile(person);
  let valid = 0;
  for (let i = 0; i < 300; i++) {
    const document = makePerson(i);
    const ok = validatePerson(document);
    valid += ok ? 1 : 0;
    console.log(i, ok, JSON.stringify(document));
    if (!ok) {
      console.log(JSON.stringify(validatePerson.errors, null, i % 10 === 0 ? 2 : 0));
      console.log(ajv.errorsText(validatePerson.errors, { dataVar: `person[${i}]`, separator: '; ' }));
    }
  }
  console.log(valid, 'of 300 are valid');

  section('only the first error, with the data');
  const first = new Ajv({ verbose: true, schemas: [address] });
  const validateFirst = first.compile(person);
  for (let i = 0; i < 40; i++) {
    const document = makePerson(i);
    console.log(i, validateFirst(document), JSON.stringify(validateFirst.errors?.map(({ keyword, dataPath, schemaPath, params, message, data }) =>
      ({ keyword, dataPath, schemaPath, params, message, data }))));
  }

  section('trees');
  const validateTree = ajv.getSchema('https://example.org/tree.json');
  for (let i = 0; i < 60; i++) {
    const document = makeTree(5);
    console.log(i, validateTree(document), JSON.stringify(document).length, JSON.stringify(validateTree.errors));
  }

  section('shapes');
  const validateShape = ajv.compile(shape);
  for (const document of [
    { kind: 'circle', radius: 2 }, { kind: 'circle', radius: 'two' }, { kind: 'circle', radius: 1, length: 2 }, { kind: 'box', sides: [1, 2] },
    { kind: 'box', sides: [1, 2, 3] }, { kind: 'line', length: 9 }, { kind: 'blob' }, {}, [], null, 'circle', 1e400,
  ]) {
    console.log(JSON.stringify(document), validateShape(document), JSON.stringify(validateShape.errors));
  }

  section('coercion, defaults and removal change the document');
  const changing = new Ajv({ coerceTypes: 'array', useDefaults: true, removeAdditional: 'all', allErrors: true });
  const validateChanging = changing.compile({
    type: 'object',
    properties: {
      count: { type: 'integer', default: 7 },
      flag: { type: 'boolean' },
      list: { type: 'array', items: { type: 'number' }, default: [1, 2] },
      nested: { type: 'object', default: {}, properties: { name: { type: 'string', default: 'none' } } },
      nothing: { type: 'null' },
    },
  });
  for (const document of [
    {}, { count: '12', flag: 'true', list: '5' }, { flag: 0, nothing: '' }, { count: 'x', list: ['1', 'b', true] }, { extra: 1, nested: { other: 2, name: 3 } },
    { count: 1.5, flag: 'yes' }, { count: null, flag: null, list: null },
  ]) {
    const before = JSON.stringify(document);
    const ok = validateChanging(document);
    console.log(before, '->', JSON.stringify(document), ok, JSON.stringify(validateChanging.errors));
  }

  section('formats');
  const samples = {
    'date': ['2024-02-29', '2023-02-29', '24-1-1'], 'time': ['23:59:59Z', '24:00:00', '12:00:00+01:00'],
    'date-time': ['2024-01-01T00:00:00Z', '2024-01-01 00:00:00', '2024-13-01T00:00:00Z'],
    'email': ['a@b.org', 'a@b', '@b', 'a b@c.de'], 'hostname': ['example.org', '-x.org', 'a..b'], 'ipv4': ['127.0.0.1', '256.1.1.1', '1.2.3'],
    'ipv6': ['::1', 'fe80::1%eth0', '1:2:3:4:5:6:7:8', '1::2::3'], 'uri': ['https://e.org/a?b#c', 'no uri', '//x'], 'uri-reference': ['../a', '\\'],
    'uri-template': ['/a/{b}{?c}', '/a/{b'], 'uuid': ['123e4567-e89b-12d3-a456-426614174000', '123'], 'json-pointer': ['/a~1b/0', 'a'],
    'relative-json-pointer': ['1/a', '-1'], 'regex': ['^a+$', '(', '\\Z'], 'url': ['http://例え.jp/ä', 'ftp://x'],
  };
  for (const [format, texts] of Object.entries(samples)) {
    for (const mode of ['fast', 'full']) {
      const check = new Ajv({ format: mode }).compile({ type: 'string', format });
      console.log(format, mode, texts.map((text) => `${text}:${check(text)}`).join(' '));
    }
  }

  section('keywords of our own');
  const custom = new Ajv({ allErrors: true, $data: true });
  custom.addFormat('even-length', (text) => text.length % 2 === 0);
  custom.addKeyword('range', {
    type: 'number',
    metaSchema: { type: 'array', items: [{ type: 'number' }, { type: 'number' }] },
    compile: ([low, high]) => (value) => value >= low && value <= high,
  });
  custom.addKeyword('even', { type: 'number', macro: (on) => (on ? { multipleOf: 2 } : {}) });
  const validateCustom = custom.compile({
    properties: {
      a: { type: 'number', range: [1, 10], even: true },
      b: { type: 'string', format: 'even-length' },
      low: { type: 'number' },
      high: { type: 'number', minimum: { $data: '1/low' } },
    },
  });
  for (const document of [{ a: 4 }, { a: 5 }, { a: 12, b: 'odd' }, { b: 'even' }, { low: 3, high: 2 }, { low: 2, high: 3 }]) {
    console.log(JSON.stringify(document), validateCustom(document), JSON.stringify(validateCustom.errors));
  }

  section('wrong schemas');
  for (const schema of [{ type: 'strange' }, { minimum: 'x' }, { $ref: '#/definitions/none' }, { $ref: 'nowhere.json' }, { properties: [] }, { format: 'unheard-of' }, 7]) {
    try {
      console.log(typeof new Ajv({ logger: false }).compile(schema));
    } catch (error) {
      console.log(error.constructor.name, error.message, JSON.stringify(error.errors), error.missingRef);
    }
  }
  console.log(ajv.validateSchema({ required: 'a', items: 3 }), JSON.stringify(ajv.errors));

  section('objects as they are printed');
  validatePerson({ id: -1, name: '', tags: [] });
  console.log(validatePerson.errors);

  section('asynchronous schemas');
  const known = new Ajv();
  known.addKeyword('known', {
    async: true,
    type: 'string',
    validate: async (on, name) => { await null; return name.startsWith('k'); },
  });
  const validateKnown = known.compile({ $async: true, type: 'object', properties: { name: { type: 'string', known: true }, n: { type: 'number' } } });
  (async () => {
    for (const document of [{ name: 'kim' }, { name: 'bo' }, { name: 'k', n: 'x' }]) {
      try {
        console.log('async', JSON.stringify(await validateKnown(document)));
      } catch (error) {
        console.log('async', error instanceof Ajv.ValidationError, error.message, JSON.stringify(error.errors));
      }
    }
    const remote = new Ajv({ loadSchema: async (uri) => (await null, { $id: uri, type: 'integer' }) });
    const validateRemote = await remote.compileAsync({ type: 'array', items: { $ref: 'https://example.org/remote.json' } });
    console.log('async', validateRemote([1, 2]), validateRemote([1, 'b']), JSON.stringify(validateRemote.errors));
  })();

  function makePerson(i) {
    const document = { id: pick([i + 1, i + 1, i + 1, 0, -i, 1.5, `${i}`]), name: pick(['Ann', 'Bo', 'Çelik', '李', '']) };
    if (chance(0.9)) document.email = pick([`user${i}@example.org`, `user${i}@example.org`, 'not an address', `a.b+c@d${i}.io`]);
    if (chance(0.4)) document.site = pick(['https://example.org/a?b=c#d', 'example', 'mailto:a@b.c', 'http://[::1]:80/']);
    if (chance(0.4)) document.born = pick(['1990-12-31', '1990-02-30', '2000-02-29', 'yesterday']);
    if (chance(0.3)) document.seen = pick(['2024-05-06T07:08:09Z', '2024-05-06T07:08:09.123+02:00', '2024-05-06']);
    if (chance(0.3)) document.ip = pick(['10.0.0.1', '::ffff:10.0.0.1', '10.0.0', 5]);
    if (chance(0.4)) document.tags = Array.from({ length: Math.floor(random() * 6) }, () => pick(['all', 'a', 'b', 'c', 'd', 1]));
    if (chance(0.4)) document.score = pick([1, 2.5, 3.3, -1, 100, 101]);
    if (chance(0.4)) {
      document.address = {
        street: pick(['Long Street 1', 'X', 'A street with a name that is far too long']), city: pick(['Ulm', 'Århus', 'Österreich', 'lower']),
        zip: pick(['12345', '12', '1234']), country: pick(['DE', 'FR', 'XX']),
      };
      if (chance(0.2)) delete document.address.city;
      if (chance(0.1)) document.address.planet = 'Earth';
    }
    if (chance(0.3)) document.role = pick(['admin', 'user']);
    if (chance(0.3)) document.level = pick([1, 5, 9, '9']);
    if (chance(0.1)) document.secret = true;
    if (chance(0.1)) document.zone = 'z';
    if (chance(0.2)) document[pick(['x-a', 'x-b', 'a-very-long-property'])] = pick(['text', null, 3]);
    return document;
  }

  function makeTree(depth) {
    const node = { value: chance(0.97) ? Math.round(random() * 1000) / 10 : 'leaf' };
    if (chance(0.02)) node.surprise = true;
    if (depth > 0 && chance(0.8)) node.children = Array.from({ length: Math.floor(random() * 4) }, () => makeTree(depth - 1));
    return node;
  }

  function pick(list) {
    return list[Math.floor(random() * list.length)];
  }

  function chance(probability) {
    return random() < probability;
  }

  // A linear congruential generator, so that every run sees the same documents.
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 4294967296;
    };
  }

  function section(title) {
    console.log(`\n==== ajv: ${title}`);
  }
})();
