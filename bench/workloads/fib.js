// Calls and small integers: the thirtieth Fibonacci number, the slow way. Result: 832040.
(function () {
  function fib(n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
  }
  return fib(30);
})();
