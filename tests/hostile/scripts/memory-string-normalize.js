// expect: deadline|memory|error
'\uFDFA'.repeat(5e6).normalize('NFKD').length;
