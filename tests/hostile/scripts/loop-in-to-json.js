// expect: deadline
JSON.stringify({ toJSON() { for (;;) {} } });
