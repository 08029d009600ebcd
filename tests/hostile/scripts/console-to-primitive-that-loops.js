// expect: deadline|ok
console.log('%s %d %i %f', ...Array(4).fill({ [Symbol.toPrimitive]() { for (;;) {} } }));
