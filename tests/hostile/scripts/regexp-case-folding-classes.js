// expect: deadline|memory|error|ok
new RegExp('[\\u{0}-\\u{10ffff}&&\\p{L}]'.repeat(3000), 'iv').test('a');
