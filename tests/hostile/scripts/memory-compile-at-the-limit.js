// expect: deadline|memory
// Steps up to the limit between compilations, so that what fails is the largest allocation inside of one.
const source = 'x:{if(a)break x;b.c?.d;foo(bar,1)}'.repeat(333);
const ballast = [];
for (let i = 0; i < 63; i++) ballast.push(new ArrayBuffer(1 << 20));
for (let i = 0; i < 9; i++) ballast.push(new ArrayBuffer(1 << 16));
for (;;) {
  new Function('a', 'b', source);
  ballast.push(new ArrayBuffer(150));
}
