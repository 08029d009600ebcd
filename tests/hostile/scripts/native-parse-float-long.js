// expect: deadline|ok
parseFloat('1'.repeat(2e7) + 'e-20000000') + Number('0x' + 'f'.repeat(1e7)) + parseInt('9'.repeat(1e7), 36);
