// expect: deadline
structuredClone({ a: [{ get x() { for (;;); } }] });
