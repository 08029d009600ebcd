// expect: deadline|memory
try {
  '\uFDFA'.repeat(5e6).normalize('NFKD').length;
} catch {}
for (;;) {}
