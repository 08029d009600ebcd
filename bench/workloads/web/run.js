// Stands before each workload: times it, warm, and prints one line of JSON. The same text runs in every engine.
// A work returns a number, which has to be the same everywhere.
const MiB = 1 << 20;

async function run(samples, works) {
  const results = {};
  for (const [name, work] of Object.entries(works)) {
    try {
      // The first one warms up.
      const check = await work();
      const times = [];
      for (let i = 0; i < samples; i++) {
        const start = performance.now();
        await work();
        times.push(performance.now() - start);
      }
      times.sort((a, b) => a - b);
      results[name] = { best: times[0], median: times[times.length >> 1], check };
    } catch (e) {
      results[name] = { error: String(e) };
    }
  }
  console.log(JSON.stringify(results));
}
