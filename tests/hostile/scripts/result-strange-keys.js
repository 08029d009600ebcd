// expect: ok
({ __proto__: null, ['__proto__']: 1, constructor: 2, '': 3, 'a\0b': 4, 0: 5 });
