// expect: error
let o = [];
for (let i = 0; i < 10000; i++) o = [o];
o;
