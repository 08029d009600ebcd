const seen = [];
const wait = (n, v) => (n ? Promise.resolve().then(() => wait(n - 1, v)) : v);
async function work(i) {
  try {
    const v = await wait(i % 7, i);
    if (v % 5 === 0) throw new RangeError(`no ${v}`);
    return v;
  } catch (e) {
    return -(await wait(2, i));
  } finally {
    seen.push(i);
  }
}
async function* numbers(n) {
  for (let i = 0; i < n; i++) yield await wait(1, i);
}
const main = async () => {
  const all = await Promise.all(Array.from({ length: 40 }, (_, i) => work(i)));
  const settled = await Promise.allSettled([work(1), Promise.reject(new Error('x')), { then(f) { f(3); } }]);
  const any = await Promise.any([Promise.reject(1), work(2)]);
  const race = await Promise.race([wait(3, 'slow'), wait(1, 'fast')]);
  let sum = 0;
  for await (const n of numbers(20)) sum += n;
  const { promise, resolve } = Promise.withResolvers();
  queueMicrotask(() => resolve('late'));
  if (all[5] !== -5 || settled[1].status !== 'rejected' || any !== 2 || race !== 'fast' || sum !== 190) throw new Error('wrong');
  await promise;
  return 'done';
};
main();
