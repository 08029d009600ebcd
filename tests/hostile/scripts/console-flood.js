// expect: deadline|memory
for (;;) console.log('x'.repeat(1000));
