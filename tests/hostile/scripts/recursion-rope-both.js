// expect: deadline|memory|ok
let s = 'x'.repeat(5000);
for (let i = 0; i < 2000; i++) s = i % 2 ? s + 'yz'.repeat(500) : 'yz'.repeat(500) + s;
s === s + '' && s.length;
