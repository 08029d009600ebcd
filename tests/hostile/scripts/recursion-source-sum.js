// expect: memory|error|ok
(0, eval)('1' + '+1'.repeat(5e5));
