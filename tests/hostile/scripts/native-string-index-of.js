// expect: deadline|ok
// A naive search compares 4e6 characters at each of 4e6 places.
'a'.repeat(8e6).indexOf('a'.repeat(4e6) + 'b');
