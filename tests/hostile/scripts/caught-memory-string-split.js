// expect: deadline|memory
try {
  'x,'.repeat(5e6).split(',').map((each) => each + '!').length;
} catch {}
for (;;) {}
