// expect: deadline|ok
/^(11+?)\1+$/.test('1'.repeat(104729));
