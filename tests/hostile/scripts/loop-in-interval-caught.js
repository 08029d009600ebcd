// expect: deadline
new Promise(() => {
  setInterval(() => {
    try {
      while (true) {}
    } catch {}
  }, 1);
});
