// expect: memory|error
'a'.padStart(2 ** 29, 'xyz').length;
