// expect: deadline
new Proxy({}, { get() { for (;;) {} } }).x;
