// expect: error|ok
queueMicrotask(() => { throw Symbol('x'); });
Promise.reject(null);
1;
