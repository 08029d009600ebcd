// expect: error|ok
const registry = new FinalizationRegistry(() => { throw new Error('x'); });
for (let i = 0; i < 1000; i++) registry.register({}, i);
1;
