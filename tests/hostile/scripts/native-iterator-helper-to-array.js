// expect: deadline|memory|error
Iterator.from({ next: Object.bind(null, { done: false, value: 1 }) }).flatMap((each) => [each, each]).toArray();
