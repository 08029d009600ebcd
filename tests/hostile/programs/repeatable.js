(async () => {
  class Later extends Date {}
  for (let i = 0; i < 300; i += 1) if (Math.random() >= 1) throw new Error('not a number below 1');
  await new Promise((done) => setTimeout(done, 1000));
  const dates = [Date.now(), new Date().getTime(), new Later().getTime(), performance.timeOrigin + performance.now(), new File([], 'a').lastModified];
  if (dates.join() !== '1000,1000,1000,1000,1000' || Date() !== String(new Date())) throw new Error(dates.join());
  return 'done';
})();
