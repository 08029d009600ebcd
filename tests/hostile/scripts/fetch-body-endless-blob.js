// expect: memory|deadline|error
fetch("http://h/endless").then((r) => r.blob());
