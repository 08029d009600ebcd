// expect: error
throw undefined;
