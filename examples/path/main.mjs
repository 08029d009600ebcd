// Node's path module: as the global `path`, and for import.
import win32 from 'node:path/win32';
import { basename, join, matchesGlob, parse, relative } from 'node:path';

console.log(join('/srv', 'app', '../data', './report.csv'));
console.log(relative('/srv/app/src', '/srv/data/report.csv'), basename('report.csv', '.csv'));
console.log(parse('/srv/data/report.tar.gz'));
console.log(path.resolve('notes', 'today.txt'), path.win32 === win32);
console.log(win32.normalize('C:/Users//ada/../bob'), win32.isAbsolute('C:notes'));

const files = ['src/main.js', 'src/lib/a.ts', 'src/lib/.hidden.ts', 'test/a.test.js'];
console.log(files.filter((file) => matchesGlob(file, 'src/**/*.{js,ts}')));
try {
  join('a', 1);
} catch (e) {
  console.log(e.code, e.message);
}
