// expect: error
const error = new AggregateError([]);
error.errors.push(error, error);
throw error;
