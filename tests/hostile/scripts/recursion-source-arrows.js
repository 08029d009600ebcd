// expect: memory|error|ok
new Function('a=>'.repeat(1e5) + '1');
