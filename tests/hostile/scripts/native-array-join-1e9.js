// expect: deadline|memory|error
new Array(1e9).join('x');
