// expect: error
const o = { list: [] };
o.list.push(o);
o;
