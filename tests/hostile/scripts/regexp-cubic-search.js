// expect: deadline|ok
/a*a*a*b/.test('a'.repeat(20000));
