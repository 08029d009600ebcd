// expect: deadline
Reflect.construct(Array, [], new Proxy(function () {}, { get() { for (;;) {} } }));
