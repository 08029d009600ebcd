// expect: deadline
`${{ toString() { for (;;) {} } }}`;
