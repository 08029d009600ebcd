// expect: deadline|memory
const long = 'ab/../'.repeat(100000);
for (;;) path.win32.relative(path.resolve(long), path.win32.normalize(long));
