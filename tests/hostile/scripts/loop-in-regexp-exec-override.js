// expect: deadline|memory
const pattern = /a/g;
pattern.exec = () => ({ index: 0, 0: 'a', length: 1 });
'aaa'.replace(pattern, 'b');
