// expect: deadline|ok
/(?<=(a+)+)b/.test('a'.repeat(40) + 'c'.repeat(40));
