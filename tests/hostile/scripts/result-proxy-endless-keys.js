// expect: deadline|memory|error
// Each property is another such proxy.
const make = () => new Proxy({}, {
  ownKeys: () => ['a', 'b'],
  getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: make() }),
  get: make,
});
make();
