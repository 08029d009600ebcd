// expect: error
(function f() { return eval('f()'); })();
