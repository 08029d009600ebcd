import _, { chunk, groupBy, debounce, template, merge, cloneDeep, isEqual, sortBy } from 'lodash-es';
const data = { a: [{ b: 1 }, { b: 2, c: new Date(0) }], d: new Map([[1, new Set([2])]]) };
console.log(chunk([1, 2, 3, 4, 5], 2), groupBy([1.2, 1.8, 2.1], Math.floor), isEqual(cloneDeep(data), data), merge({ a: { x: 1 } }, { a: { y: [2] } }));
console.log(template('<% for (const n of list) { %><b><%- n %></b><% } %>')({ list: ['<i>', '&'] }), sortBy([3, 1, 2]), _.camelCase('foo-bar baz'), typeof debounce(() => {}, 1));
