// expect: deadline
({}) instanceof { [Symbol.hasInstance]() { for (;;) {} } };
