// expect: error
const p = new Proxy({}, { get(target, key, receiver) { return receiver[key]; } });
p.x;
