// expect: memory|error
let error = new Error('last');
for (let i = 0; i < 20000; i++) error = new Error('x', { cause: error });
throw error;
