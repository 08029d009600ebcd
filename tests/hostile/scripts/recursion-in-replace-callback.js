// expect: error
(function f() { return 'a'.replace(/a/, f); })();
