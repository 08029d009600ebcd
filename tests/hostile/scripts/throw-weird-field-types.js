// expect: error
throw Object.assign(new Error(), { name: 7, message: Symbol('m'), stack: { lines: [1n] }, cause: () => {}, code: NaN });
