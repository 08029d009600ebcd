// Modules: relative ones, JSON and text, a package of node_modules, and what a module knows of itself.
import prices from './prices.json' with { type: 'json' };
import note from './note.txt' with { type: 'text' };
import { total } from './lib/total.mjs';
import greet from 'tiny-greet';
import path from 'node:path';

console.log(greet('Ada'));
console.log('total:', total(prices, { apple: 3, pear: 2 }));
console.log('note:', note.trim());
console.log('main:', import.meta.main, path.basename(import.meta.url), import.meta.resolve('./lib/total.mjs'));

// Loaded when it is needed.
const { default: bytes } = await import('./note.txt', { with: { type: 'bytes' } });
console.log('bytes:', bytes.length);

const why = (specifier, options) => import(specifier, options).then(() => 'came', (e) => e.message.replace(/^.*?: /, ''));
console.log('JSON without saying so:', await why('./prices.json'));
console.log('above:', await why('../hello/main.js'));
console.log('by fetch:', await why('https://example.com/x.mjs'));
console.log('of Node:', await why('node:fs'));
console.log('no such type:', await why('./note.txt', { with: { type: 'css' } }));
