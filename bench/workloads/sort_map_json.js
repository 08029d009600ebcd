// Arrays, a comparator, a Map and JSON over 300,000 pseudo-random numbers. Result: a checksum, the same on every engine.
(function () {
  const COUNT = 300000;

  let state = 12345;
  const numbers = new Array(COUNT);
  for (let i = 0; i < COUNT; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    numbers[i] = state;
  }

  const sorted = numbers.slice().sort((a, b) => a - b);

  const places = new Map();
  for (let i = 0; i < COUNT; i++) places.set(sorted[i], i);
  let checksum = 0;
  for (let i = 0; i < COUNT; i++) checksum = (Math.imul(checksum, 31) + places.get(numbers[i])) >>> 0;

  const parsed = JSON.parse(JSON.stringify(sorted));
  for (let i = 0; i < COUNT; i++) checksum = (checksum ^ Math.imul(parsed[i], i)) >>> 0;
  return checksum;
})();
