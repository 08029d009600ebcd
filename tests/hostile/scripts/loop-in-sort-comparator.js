// expect: deadline
[3, 1, 2].sort(() => { for (;;) {} });
