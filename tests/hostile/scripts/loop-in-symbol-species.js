// expect: deadline
class A extends Array {
  static get [Symbol.species]() {
    for (;;) {}
  }
}
A.from([1]).map((each) => each);
