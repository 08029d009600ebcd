import { v1, v3, v4, v5, v7, parse, stringify, validate, version, MAX } from 'uuid';
console.log(v5('http://example.com/', v5.URL), v3('a', v3.DNS), [v1(), v4(), v7()].map((u) => [validate(u), version(u)]), stringify(parse(MAX)));
