// expect: deadline
const p = new Proxy(function () {}, {
  apply() { for (;;) {} },
  construct() { for (;;) {} },
});
try {
  p();
} finally {
  new p();
}
