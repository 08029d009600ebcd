// expect: memory|error|ok
const part = 'x'.repeat(1e6);
`${part.repeat(50)}${part.repeat(50)}`.length;
