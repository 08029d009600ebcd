// expect: deadline
({ get a() { for (;;) {} } });
