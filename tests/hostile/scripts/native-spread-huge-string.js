// expect: memory|error
[...'.'.repeat(1e9)];
