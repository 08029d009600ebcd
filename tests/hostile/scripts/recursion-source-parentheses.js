// expect: error
new Function('('.repeat(1e5));
