// expect: deadline|memory|error|ok
new Function('!'.repeat(1e6) + '1');
