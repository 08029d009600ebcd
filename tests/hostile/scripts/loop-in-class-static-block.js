// expect: deadline
class A {
  static {
    for (;;) {}
  }
}
