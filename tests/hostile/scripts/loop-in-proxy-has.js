// expect: deadline
with (new Proxy({}, { has() { for (;;) {} } })) {
  anything;
}
