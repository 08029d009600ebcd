// expect: deadline
({ [Symbol.toPrimitive]() { for (;;) {} } }) < 1;
