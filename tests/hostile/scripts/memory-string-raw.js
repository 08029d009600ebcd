// expect: deadline|memory|error
String.raw({ raw: { length: 1e9 } }).length;
