const make = (n) => {
  const cells = [];
  for (let i = 0; i < n; i++) {
    let hidden = { i };
    cells.push({ get: () => hidden, set: (v) => { hidden = v; }, bump() { hidden = { i: hidden.i + 1, before: hidden }; return this; } });
  }
  return cells;
};
const cells = make(120);
cells.forEach((c, i) => c.bump().bump().set(cells[(i + 1) % 120]));
const compose = (...fs) => (x) => fs.reduceRight((v, f) => f(v), x);
const add = (a) => (b) => a + b;
const long = compose(...Array.from({ length: 60 }, (_, i) => add(i)));
const bound = function (...args) { return [this.x, ...args].length; }.bind({ x: 1 }, 1, 2);
function counter({ from = 0, step = 1, ...others } = {}, [a, b = a] = [1]) {
  return () => (from += step * a * b) + Object.keys(others).length;
}
const count = counter({ step: 2, other: 1 });
count();
function recurse(n, arr = [n]) { return n ? recurse(n - 1, [...arr, n]) : arr; }
if (long(0) !== 1770 || bound(3) !== 4 || count() !== 5 || recurse(40).length !== 41) throw new Error('wrong');
with ({ shadow: make(3) }) { shadow.length; }
'done';
