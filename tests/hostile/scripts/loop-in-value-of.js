// expect: deadline
+{ valueOf() { for (;;) {} } };
