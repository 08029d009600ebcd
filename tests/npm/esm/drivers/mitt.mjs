import mitt from 'mitt';
const log = [], e = mitt();
e.on('a', (x) => log.push(['a', x])); e.on('*', (t, x) => log.push([t, x]));
e.emit('a', 1); e.emit('b', { y: 2 }); e.all.clear(); e.emit('a', 3);
console.log(log);
