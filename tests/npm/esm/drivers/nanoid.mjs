import { nanoid, customAlphabet, urlAlphabet } from 'nanoid';
const ids = new Set(Array.from({ length: 1000 }, () => nanoid()));
console.log(ids.size, [...ids].every((id) => id.length === 21 && [...id].every((c) => urlAlphabet.includes(c))), /^[abc]{10}$/.test(customAlphabet('abc', 10)()));
