// expect: deadline|memory
for (let i = 0; ; i++) console.group(i);
