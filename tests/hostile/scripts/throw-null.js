// expect: error
throw null;
