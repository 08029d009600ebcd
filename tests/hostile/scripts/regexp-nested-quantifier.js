// expect: deadline|ok
/^(a+)+$/.test('a'.repeat(40) + '!');
