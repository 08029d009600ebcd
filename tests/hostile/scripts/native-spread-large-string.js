// expect: deadline|memory
[...'.'.repeat(2e7)];
