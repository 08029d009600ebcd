// expect: deadline|ok
('a'.repeat(8e6) + '\u1234').includes('a'.repeat(4e6) + 'b');
