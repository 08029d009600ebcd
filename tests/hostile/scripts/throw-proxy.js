// expect: error
throw new Proxy({}, {});
