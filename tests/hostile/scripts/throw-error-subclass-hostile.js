// expect: error
class Hostile extends Error {
  get name() { return new Proxy([], {}); }
  get [Symbol.toStringTag]() { throw 1; }
  static [Symbol.hasInstance]() { throw 2; }
}
throw new Hostile('x');
