// expect: deadline|memory
'x'.repeat(1e7).match(/(?:)/g).length;
