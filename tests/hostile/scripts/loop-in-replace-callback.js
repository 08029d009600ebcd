// expect: deadline
'abc'.replace(/b/, () => { for (;;) {} });
