// expect: deadline|error|ok
/(?:(?:(?:a{0,65535}){0,65535}){0,65535}){0,65535}b/.test('a'.repeat(200));
