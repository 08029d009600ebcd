// expect: deadline|ok
/^(?:(?=(a+))a*)*b/.test('a'.repeat(5000));
