// expect: deadline|ok
/^(.*)(.*)(.*)\1\2\3(.*)\4x$/.test('ab'.repeat(400));
