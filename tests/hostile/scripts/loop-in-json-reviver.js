// expect: deadline
JSON.parse('[1]', () => { for (;;) {} });
