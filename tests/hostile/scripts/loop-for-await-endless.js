// expect: deadline
(async () => {
  for await (const each of { [Symbol.asyncIterator]() { return { next: async () => ({ done: false }) }; } });
})();
