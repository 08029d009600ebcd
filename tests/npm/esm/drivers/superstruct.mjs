import { object, string, number, array, validate, optional, refine, coerce, create } from 'superstruct';
const User = object({ name: string(), age: optional(refine(number(), 'adult', (n) => n >= 18)), tags: array(string()) });
console.log(validate({ name: 'a', tags: [] }, User)[1], validate({ name: 1, age: 3, tags: ['x', 2] }, User)[0].failures().map((f) => [f.path, f.message]), create('5', coerce(number(), string(), Number)));
