// expect: deadline|memory
new PerformanceObserver(() => {}).observe({ entryTypes: ['mark', 'measure'] });
for (let i = 0; ; i++) performance.mark('mark' + i, { startTime: 1e9 - i });
