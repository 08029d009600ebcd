// A shopping cart: what the tests beside it are about.
export class Cart {
  #lines = [];
  #onChange;

  constructor(onChange = () => {}) {
    this.#onChange = onChange;
  }

  add(name, price, count = 1) {
    if (!(price >= 0)) throw new RangeError('the price of ' + name + ' is ' + price);
    this.#lines.push({ name, price, count });
    this.#onChange(this.total());
    return this;
  }

  total() {
    return this.#lines.reduce((sum, { price, count }) => sum + price * count, 0);
  }

  lines() {
    return structuredClone(this.#lines);
  }
}

// Saves a cart once nothing has changed for a second.
export function autosave(save) {
  let timer;
  return (total) => {
    clearTimeout(timer);
    timer = setTimeout(() => save(total), 1000);
  };
}
