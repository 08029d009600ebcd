// expect: deadline|memory|error|ok
new RegExp(Array.from({ length: 30000 }, (_, i) => `(?<n${i}>a)?`).join('')).test('a');
