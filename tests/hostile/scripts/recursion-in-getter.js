// expect: error
({ get a() { return this.a; } }).a;
