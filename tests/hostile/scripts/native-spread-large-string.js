// expect: memory
[...'.'.repeat(2e7)];
