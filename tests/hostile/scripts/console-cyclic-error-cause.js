// expect: ok
const error = new Error('a', { cause: new Error('b') });
error.cause.cause = error;
console.log(error);
console.log(new AggregateError([error, new AggregateError([error])]));
