// expect: deadline|memory|error|ok
'\u0390'.repeat(6e6).toLocaleUpperCase().length;
