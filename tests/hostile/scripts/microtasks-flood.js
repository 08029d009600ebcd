// expect: deadline|memory
for (;;) queueMicrotask(() => {});
