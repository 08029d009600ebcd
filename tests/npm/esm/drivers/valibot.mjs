import * as v from 'valibot';
const S = v.object({ mail: v.pipe(v.string(), v.email()), n: v.optional(v.pipe(v.number(), v.minValue(3)), 7), u: v.union([v.literal('a'), v.array(v.bigint())]) });
console.log(v.safeParse(S, { mail: 'a@b.cd', u: [1n] }).output, v.flatten(v.safeParse(S, { mail: 'x', n: 1, u: 3 }).issues));
