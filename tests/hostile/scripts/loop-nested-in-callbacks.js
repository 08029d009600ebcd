// expect: deadline
[1].forEach(() => [2].map(() => 'x'.replace(/x/, () => Reflect.apply(() => { for (;;) {} }, null, []))));
