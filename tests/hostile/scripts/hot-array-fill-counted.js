// expect: deadline
for (let i = 0; i >= 0; i = (i + 1) | 0) new Array(500).fill(i);
