// expect: deadline
const endless = {
  [Symbol.iterator]() {
    return { next: () => ({ done: false }), return() { for (;;) {} } };
  },
};
const [first] = endless;
