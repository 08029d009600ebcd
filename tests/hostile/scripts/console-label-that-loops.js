// expect: deadline
console.count({ toString() { for (;;) {} } });
