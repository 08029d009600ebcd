// expect: deadline
addEventListener('unhandledrejection', () => { for (;;); });
Promise.reject(1);
new Promise(() => {});
