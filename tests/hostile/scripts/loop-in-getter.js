// expect: deadline
({ get a() { for (;;) {} } }).a;
