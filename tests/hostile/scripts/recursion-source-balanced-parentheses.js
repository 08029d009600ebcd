// expect: deadline|memory|error|ok
new Function('('.repeat(1e5) + '1' + ')'.repeat(1e5));
