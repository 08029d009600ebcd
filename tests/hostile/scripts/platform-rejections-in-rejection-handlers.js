// expect: deadline|memory
onunhandledrejection = (e) => { e.preventDefault(); Promise.reject(new Error('again')); };
Promise.reject(new Error('first'));
new Promise(() => {});
