// expect: memory|error|ok
new Uint8Array(4e7);
