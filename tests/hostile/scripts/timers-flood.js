// expect: deadline|memory
for (;;) setTimeout(() => {}, 1e9);
