// expect: error
const error = new Error('a');
error.cause = new Error('b', { cause: error });
throw error;
