// expect: ok|error|deadline|memory
const target = new EventTarget();
let depth = 0;
target.addEventListener('x', () => { depth++; target.dispatchEvent(new Event('x')); });
target.dispatchEvent(new Event('x'));
depth > 10;
