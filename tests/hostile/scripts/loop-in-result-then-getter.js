// expect: deadline
// Whoever asks whether the result is a promise asks this getter.
Object.defineProperty(Object.prototype, 'then', { get() { for (;;) {} } });
(async () => ({}))();
