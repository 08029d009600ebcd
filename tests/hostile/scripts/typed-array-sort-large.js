// expect: deadline|memory|error|ok
const a = new Float64Array(4e6);
for (let i = 0; i < a.length; i++) a[i] = -i;
for (let i = 0; i < 20; i++) a.sort((x, y) => y - x).sort();
