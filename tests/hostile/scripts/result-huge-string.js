// expect: memory|ok
'x'.repeat(4e7);
