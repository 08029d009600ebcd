// expect: error
(function f() { return 1 + f(); })();
