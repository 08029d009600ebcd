// expect: deadline|memory
const text = 'a'.repeat(5000), pattern = '+(a|aa|*(a))'.repeat(20) + 'b';
for (;;) {
  try { path.matchesGlob(text, pattern); } catch {}
  try { path.matchesGlob(text, '{a,b}'.repeat(13)); } catch {}
}
