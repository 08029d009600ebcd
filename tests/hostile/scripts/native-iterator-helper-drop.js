// expect: deadline|error
// Where there are no iterator helpers this is an ordinary TypeError.
const it = Iterator.from({ next: Object.bind(null, { done: false, value: 1 }) });
it.drop(Infinity).next();
