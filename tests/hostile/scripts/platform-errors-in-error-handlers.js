// expect: deadline|memory
onerror = () => { queueMicrotask(() => { throw new Error('again'); }); throw new Error('in the handler'); };
reportError(new Error('first'));
new Promise(() => {});
