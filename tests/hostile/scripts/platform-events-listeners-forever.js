// expect: deadline|memory
const target = new EventTarget(), controller = new AbortController();
for (let i = 0; ; i++) target.addEventListener('type' + i, () => {}, { signal: controller.signal });
