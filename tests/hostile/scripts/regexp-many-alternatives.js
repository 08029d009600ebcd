// expect: deadline|memory|error|ok
new RegExp('abc|'.repeat(500000)).test('x');
