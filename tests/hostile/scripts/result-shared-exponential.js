// expect: deadline|memory|error
// Forty levels of two references to the same array: small here, astronomic as a copy.
let a = [];
for (let i = 0; i < 40; i++) a = [a, a];
a;
