// expect: deadline|memory|error|ok
BigInt('9'.repeat(1e6)) % 7n;
