// A first look: the console prints as Node does, classes and collections included; timers fire in order.

class Basket {
  items = new Map();

  add(name, count = 1) {
    this.items.set(name, (this.items.get(name) ?? 0) + count);
    return this;
  }
}

const basket = new Basket().add('apple', 3).add('pear').add('apple');
console.log('Hello from the sandbox!');
console.log('%s kinds of fruit:', basket.items.size, basket.items);
console.log(basket, new Set(['a']), { when: new Date(0), bytes: new Uint8Array([1, 2]) });
console.table([{ fruit: 'apple', count: 4 }, { fruit: 'pear', count: 1 }]);

console.group('what a guest does not find');
for (const name of ['process', 'require', 'Deno']) console.log(name, typeof globalThis[name]);
console.groupEnd();

setTimeout(() => console.log('a timer, last'), 20);
Promise.resolve('a promise, before it').then(console.log);
