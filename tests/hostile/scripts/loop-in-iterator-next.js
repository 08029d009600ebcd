// expect: deadline
[...{ [Symbol.iterator]() { return { next() { for (;;) {} } }; } }];
