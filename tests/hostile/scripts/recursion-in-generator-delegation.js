// expect: memory|error
function* g() { yield* g(); }
g().next();
