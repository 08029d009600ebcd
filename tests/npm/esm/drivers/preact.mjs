import { h, Fragment, toChildArray, createContext, Component } from 'preact';
class App extends Component { render({ name }) { return h('p', { class: 'x' }, 'hi ', name); } }
const tree = h(Fragment, null, h(App, { name: 'Ada', key: 1 }), [1, null, 'two', h('br')]);
const strip = (v) => (v && v.type !== undefined ? { type: typeof v.type === 'function' ? v.type.name : v.type, props: Object.fromEntries(Object.entries(v.props).map(([k, x]) => [k, Array.isArray(x) ? x.map(strip) : strip(x)])), key: v.key } : v);
console.log(JSON.stringify(strip(tree)), toChildArray(tree.props.children).length, typeof createContext(1).Provider);
