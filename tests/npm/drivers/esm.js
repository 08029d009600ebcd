// Valid only as a module: the export, the await and the undefined `this` each need one.

export const answer = await Promise.resolve(42);

console.log('this is', typeof this, 'and the answer', answer);
console.log('a module keeps its names to itself:', typeof globalThis.answer, typeof globalThis.marked, typeof globalThis.acorn);
console.log('import.meta is an', typeof import.meta);

const strict = (() => { try { undeclared = 1; return false; } catch (error) { return error instanceof ReferenceError; } })();
console.log('strict code:', strict);

let steps = 0;
for await (const step of (async function* () { yield 1; yield 2; yield 3; })()) steps += step;
console.log('for await at the top level:', steps);

await new Promise((resolve) => setTimeout(resolve, 5));
console.log('after a timer');

export default class Empty {}
console.log('default export:', Empty.name);
