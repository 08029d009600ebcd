// expect: memory|error
'a'.repeat(2 ** 29).length;
