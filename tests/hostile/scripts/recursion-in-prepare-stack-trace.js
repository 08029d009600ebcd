// expect: deadline|error|ok
Error.prepareStackTrace = () => new Error('again').stack;
new Error('x').stack;
0;
