// expect: deadline|memory|error|ok
new Function('class extends '.repeat(1e5) + 'Object{}' + '{}'.repeat(1e5 - 1));
