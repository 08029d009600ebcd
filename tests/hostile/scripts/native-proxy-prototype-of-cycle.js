// expect: deadline|error
// Neither does this one, and no bytecode runs on the way along it.
const holder = {};
holder.p = new Proxy({}, { getPrototypeOf: Reflect.get.bind(null, holder, 'p') });
Array.prototype.isPrototypeOf(holder.p);
