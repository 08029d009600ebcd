// expect: deadline
while (true) {}
