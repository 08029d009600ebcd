// expect: deadline|ok
console.log({ get [Symbol.toStringTag]() { for (;;) {} } });
