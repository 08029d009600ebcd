// expect: deadline|memory
const grow = () => ({ get next() { return grow(); } });
structuredClone(grow());
