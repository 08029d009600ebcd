// expect: deadline|memory
for (;;) Promise.reject(new Error('nobody handles me'));
