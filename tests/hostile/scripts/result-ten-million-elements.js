// expect: memory|error|ok
new Array(1e7).fill(0);
