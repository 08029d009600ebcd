let fired = 0;
const sleep = (ms, v) => new Promise((resolve) => setTimeout(resolve, ms, v));
(async () => {
  const interval = setInterval((step) => { fired += step; }, 10, 2);
  for (let i = 0; i < 100; i++) setTimeout(() => { fired++; if (i % 10 === 0) setTimeout(() => fired++, i); }, (i * 7) % 50);
  const cleared = Array.from({ length: 50 }, (_, i) => setTimeout(() => { fired = -1e9; }, i));
  cleared.forEach(clearTimeout);
  setTimeout('fired += 1', 5);
  setTimeout(() => { throw new Error('nobody takes this'); }, 1);
  const names = await Promise.all([sleep(30, 'b'), sleep(20, 'a'), sleep(40, 'c')]);
  await sleep(200);
  clearInterval(interval);
  if (names.join('') !== 'bac' || fired < 100) throw new Error('wrong ' + fired);
  return 'done';
})();
