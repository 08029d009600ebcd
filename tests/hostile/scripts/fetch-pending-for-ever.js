// expect: deadline
fetch("http://h/never");
