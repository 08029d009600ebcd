import * as z from 'zod';
const S = z.object({ mail: z.email(), n: z.coerce.number().int().min(3), d: z.iso.date().optional(), k: z.discriminatedUnion('t', [z.object({ t: z.literal('a'), x: z.string() }), z.object({ t: z.literal('b') })]) }).transform((o) => ({ ...o, seen: true }));
console.log(S.parse({ mail: 'a@b.cd', n: '5', k: { t: 'a', x: '' } }), z.prettifyError(S.safeParse({ mail: 1, n: 'x', d: '2020-13-01', k: { t: 'c' } }).error), JSON.stringify(z.toJSONSchema(z.array(z.tuple([z.string(), z.int()])))));
