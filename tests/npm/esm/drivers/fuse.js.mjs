import Fuse from 'fuse.js';
const books = ['The Old Man and the Sea', 'War and Peace', 'The Sea, the Sea', 'Peace Talks', 'Piece of Cake'].map((title, id) => ({ id, title }));
console.log(new Fuse(books, { keys: ['title'], includeScore: true, threshold: 0.5 }).search('peice').map((r) => [r.item.title, r.score.toFixed(6)]));
