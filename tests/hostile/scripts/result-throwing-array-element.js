// expect: error
Object.defineProperty([1, 2, 3], 1, { get() { throw new RangeError('no'); } });
