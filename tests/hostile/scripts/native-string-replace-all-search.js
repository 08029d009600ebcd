// expect: deadline|ok
'a'.repeat(8e6).replaceAll('a'.repeat(4e6) + 'b', '').length;
