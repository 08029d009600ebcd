// expect: deadline
fetch("http://h/", { get headers() { for (;;); } });
