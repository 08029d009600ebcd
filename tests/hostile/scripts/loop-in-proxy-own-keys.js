// expect: deadline
Object.keys(new Proxy({}, { ownKeys() { for (;;) {} } }));
