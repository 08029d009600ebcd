// expect: deadline|memory|error
new Uint8Array(5e7).join('--------').length;
