// expect: ok|memory|deadline
let deep = 1;
for (let i = 0; i < 2e5; i++) deep = i % 2 ? [deep] : { deep };
for (let i = 0; i < 5; i++) deep = structuredClone(deep);
typeof structuredClone({ get deep() { return deep; } });
