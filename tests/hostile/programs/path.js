(async () => {
  const { default: win32, join } = await import('node:path/win32');
  if (win32 !== path.win32 || join('C:\\a', '..', 'b') !== 'C:\\b') throw new Error('wrong');
  const out = [path.resolve('a', '../b'), path.relative('/a/b', '/a/c'), JSON.stringify(path.parse('/x/y.z')), path.format({ dir: '/d', base: 'e' })];
  if (!path.matchesGlob('src/a.js', '{src,lib}/**/@(*.js|*.ts)') || out.join() !== '/b,../c,{"root":"/","dir":"/x","base":"y.z","ext":".z","name":"y"},/d/e') throw new Error(out.join());
  try {
    path.join({});
  } catch (e) {
    if (e.code === 'ERR_INVALID_ARG_TYPE') return 'done';
  }
})();
