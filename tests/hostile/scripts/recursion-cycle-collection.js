// expect: memory|ok
// A ring that only a collector can free, built again and again.
for (let round = 0; round < 5; round++) {
  const first = {};
  let last = first;
  for (let i = 0; i < 50000; i++) last = { last, first };
  first.last = last;
}
1;
