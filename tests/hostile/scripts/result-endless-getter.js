// expect: error
class A { constructor() { Object.defineProperty(this, 'next', { enumerable: true, get: () => new A() }); } } new A();
