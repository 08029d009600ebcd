// expect: error
fetch("http://h/", { headers: new Proxy({}, { ownKeys() { throw new RangeError("from a trap"); } }) });
