// expect: deadline|memory
try {
  encodeURIComponent('\u{1F600}'.repeat(1e7)).length;
} catch {}
for (;;) {}
