// expect: deadline|error
throw { toString() { for (;;) {} }, [Symbol.toPrimitive]() { for (;;) {} } };
