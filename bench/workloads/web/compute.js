// Eight kernels that only compute. Each result is a number that has to be the same everywhere.

function calls() {
  const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));
  return fib(29);
}

function bodies() {
  const x = new Float64Array(5), y = new Float64Array(5), vx = new Float64Array(5), vy = new Float64Array(5);
  const mass = [40, 0.04, 0.011, 0.0017, 0.002];
  for (let i = 0; i < 5; i++) { x[i] = i * 3.1; y[i] = i * i * 0.7; vx[i] = 0.1 * i; vy[i] = 1 / (i + 1); }
  for (let step = 0; step < 40_000; step++) {
    for (let i = 0; i < 5; i++) {
      for (let j = i + 1; j < 5; j++) {
        const dx = x[i] - x[j], dy = y[i] - y[j], square = dx * dx + dy * dy + 0.01;
        const force = 0.001 / (square * Math.sqrt(square));
        vx[i] -= dx * mass[j] * force; vy[i] -= dy * mass[j] * force;
        vx[j] += dx * mass[i] * force; vy[j] += dy * mass[i] * force;
      }
    }
    for (let i = 0; i < 5; i++) { x[i] += 0.001 * vx[i]; y[i] += 0.001 * vy[i]; }
  }
  return Math.round(x[0] * 1e6);
}

function matrices() {
  const size = 120, a = new Float64Array(size * size), b = new Float64Array(size * size), c = new Float64Array(size * size);
  for (let i = 0; i < a.length; i++) { a[i] = i % 7; b[i] = i % 11; }
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += a[i * size + k] * b[k * size + j];
      c[i * size + j] = sum;
    }
  }
  return c.reduce((sum, n) => sum + n, 0);
}

function sorting() {
  const people = Array.from({ length: 30_000 }, (_, i) => ({ id: i, age: (i * 7919) % 97, name: 'n' + ((i * 104729) % 9973) }));
  people.sort((p, q) => p.age - q.age || (p.name < q.name ? -1 : p.name > q.name ? 1 : p.id - q.id));
  return people.reduce((sum, p, i) => (Math.imul(sum, 31) + p.id * (i & 7)) | 0, 0);
}

function tokens() {
  let source = '';
  for (let i = 0; i < 4_000; i++) source += `let value${i} = (${i} + 0x${i.toString(16)}) * "text ${i % 10}"; `;
  const token = /\s*(?:(0x[0-9a-f]+|\d+)|([a-z_]\w*)|("[^"]*")|(.))/gy;
  let count = 0, match;
  while ((match = token.exec(source)) !== null) count += match[1] ? 1 : match[2] ? 2 : match[3] ? 3 : 4;
  return count;
}

function counting() {
  const counts = new Map(), seen = new Set();
  let state = 1;
  for (let i = 0; i < 150_000; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const key = 'k' + (state % 5_000);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    seen.add(state >>> 16);
  }
  let sum = seen.size;
  for (const [key, n] of counts) sum += key.length * n;
  return sum;
}

function documents() {
  const tree = (depth) => ({ depth, items: depth === 0 ? [] : [tree(depth - 1), tree(depth - 1)], text: 'x'.repeat(depth) });
  let text = JSON.stringify(tree(10));
  for (let i = 0; i < 5; i++) text = JSON.stringify(JSON.parse(text));
  return text.length;
}

function hashes() {
  const k = new Int32Array(64).map((_, i) => Math.imul(i + 1, 0x9e3779b1));
  const block = new Int32Array(64);
  let [a, b, c, d, e, f, g, h] = [1, 2, 3, 4, 5, 6, 7, 8];
  for (let round = 0; round < 6_000; round++) {
    for (let i = 0; i < 16; i++) block[i] = (round + i) | 0;
    for (let i = 16; i < 64; i++) {
      const p = block[i - 15], q = block[i - 2];
      block[i] = (block[i - 16] + ((p >>> 7 | p << 25) ^ (p >>> 18 | p << 14) ^ (p >>> 3)) + block[i - 7] +
        ((q >>> 17 | q << 15) ^ (q >>> 19 | q << 13) ^ (q >>> 10))) | 0;
    }
    for (let i = 0; i < 64; i++) {
      const t = (h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21)) + ((e & f) ^ (~e & g)) + k[i] + block[i]) | 0;
      const u = (((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
    }
  }
  return (a ^ b ^ c ^ d ^ e ^ f ^ g ^ h) >>> 0;
}

run(3, { calls, bodies, matrices, sorting, tokens, counting, documents, hashes });
