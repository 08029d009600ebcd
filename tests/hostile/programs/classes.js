class Shape {
  static #made = 0;
  static { Shape.kinds = new Set(); }
  #name;
  constructor(name) { this.#name = name; Shape.#made++; Shape.kinds.add(new.target.name); }
  get name() { return this.#name; }
  set name(v) { this.#name = String(v); }
  area() { return 0; }
  [Symbol.toPrimitive](hint) { return hint === 'number' ? this.area() : `${this.constructor.name} ${this.#name}`; }
  static get made() { return Shape.#made; }
}
class Square extends Shape {
  side = 2;
  constructor(name, side) { super(name); this.side = side; }
  area() { return this.side ** 2 + super.area(); }
}
const Mixed = ((Base) => class extends Base { extra = { deep: { deeper: [this.side] } }; })(Square);
const all = [];
for (let i = 0; i < 60; i++) {
  const shape = i % 2 ? new Square(`s${i}`, i) : new Mixed(`m${i}`, i);
  shape.name = shape.name + shape;
  all.push(shape);
}
const proxy = new Proxy(all[0], { get: (t, k, r) => (k === 'side' ? 7 : Reflect.get(t, k, t)) });
if (proxy.side !== 7 || Shape.made !== 60 || +all[1] !== 1) throw new Error('wrong');
Object.defineProperties({}, Object.getOwnPropertyDescriptors(Shape.prototype));
'done';
