import { parse } from 'acorn';
const tree = parse('export const f = async (x) => { for await (const y of x) yield_(y ?? 1n, /a(?<b>.)/u); };', { ecmaVersion: 'latest', sourceType: 'module' });
console.log(JSON.stringify(tree, (k, v) => (typeof v === 'bigint' ? v + 'n' : v)));
