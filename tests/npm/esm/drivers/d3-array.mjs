import * as d3 from 'd3-array';
const data = Array.from({ length: 200 }, (_, i) => ({ k: 'abc'[i % 3], v: (i * 7919) % 101 }));
console.log(d3.extent(data, (d) => d.v), d3.median(data, (d) => d.v), d3.deviation(data, (d) => d.v));
console.log(d3.rollup(data, (g) => d3.sum(g, (d) => d.v), (d) => d.k), d3.ticks(0, 100, 7), d3.bin().thresholds(5)(data.map((d) => d.v)).map((b) => [b.x0, b.x1, b.length]));
