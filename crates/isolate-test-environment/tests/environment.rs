//! What tests of guests see, and what their host is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use isolate_core::{Context, Engine, EvalOptions, Limits};
use isolate_test_environment::{
    RunOptions, Status, TestEnvironmentOptions, TestEvent, TestResults, setup_test_environment, write_inline_snapshots,
};
use isolate_test_utils::{create_limited_context, engine_test, eval_code};

fn context(engine: &dyn Engine) -> Context {
    let context = create_limited_context(engine, Limits::new().wall_time(Duration::from_secs(60)));
    isolate_timers::setup_timers(&context, Default::default()).unwrap();
    setup_test_environment(&context, TestEnvironmentOptions::new()).unwrap();
    context
}

async fn run_with(context: &Context, source: &str, options: RunOptions) -> TestResults {
    context.eval(source, "a.test.js").await.unwrap();
    setup_test_environment(context, TestEnvironmentOptions::new()).unwrap().run(&options).await.unwrap()
}

async fn run(engine: &dyn Engine, source: &str) -> TestResults {
    run_with(&context(engine), source, RunOptions::new()).await
}

/// `passed a`, `failed a > b: the message`.
fn lines(results: &TestResults) -> Vec<String> {
    let of = |t: &isolate_test_environment::TestResult| {
        let why: Vec<&str> = t.failures.iter().map(|f| &*f.message).collect();
        let status = format!("{:?}", t.status).to_lowercase();
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(" | ")) };
        format!("{status} {}{why}", t.full_name())
    };
    results.tests.iter().map(of).collect()
}

engine_test!(async fn tests_pass_fail_skip_and_wait(engine) {
    let results = run(
        engine,
        "describe('math', () => {
           it('adds', () => { expect(1 + 1).toBe(2); });
           it('is wrong', () => { expect(1 + 1).toBe(3); });
           it('waits', async () => { await null; expect(await Promise.resolve(1)).toBe(1); });
           it('rejects', async () => { throw new TypeError('no'); });
           it.skip('skipped', () => { throw 1; });
           it.todo('todo');
           it.fails('fails', () => { throw new Error('as it should'); });
           it.fails('does not', () => {});
           describe('inner', () => { test('deep', () => {}); });
           describe.skip('off', () => { test('in', () => { throw 1; }); });
         });
         test('thrown text', () => { throw 'text'; });
         test('skips itself', ({ skip }) => { skip('not here'); });",
    )
    .await;
    assert_eq!(lines(&results), [
        "passed math > adds",
        "failed math > is wrong: expected 2 to be 3",
        "passed math > waits",
        "failed math > rejects: no",
        "skipped math > skipped",
        "todo math > todo",
        "passed math > fails",
        "failed math > does not: it was expected to fail, and it passed",
        "passed math > inner > deep",
        "skipped math > off > in",
        "failed thrown text: thrown: \"text\"",
        "skipped skips itself",
    ]);
    let wrong = &results.tests[1].failures[0];
    assert_eq!((wrong.name.as_str(), wrong.file.as_deref(), wrong.line), ("AssertionError", Some("a.test.js"), Some(3)));
    assert_eq!(wrong.diff.as_deref(), Some("- Expected\n+ Received\n\n- 3\n+ 2"));
    assert_eq!(results.tests[3].failures[0].name, "TypeError");
    assert_eq!(results.tests[11].note.as_deref(), Some("not here"));
    assert!(!results.is_ok());
    assert_eq!((results.count(Status::Passed), results.count(Status::Failed)), (4, 4));
});

engine_test!(async fn hooks_run_in_the_order_of_their_suites(engine) {
    let context = context(engine);
    let results = run_with(
        &context,
        "globalThis.log = [];
         const say = (text) => () => { log.push(text); };
         beforeAll(say('all')); afterAll(say('end'));
         beforeEach(say('each')); afterEach(say('after'));
         beforeEach(() => () => { log.push('cleaned'); });
         describe('a', () => {
           beforeAll(say('a all')); afterAll(say('a end 1')); afterAll(async () => { await null; log.push('a end 2'); });
           beforeEach(say('a each')); afterEach(say('a after'));
           test('1', say('a1'));
           test('2', ({ onTestFinished }) => { onTestFinished(say('finished')); log.push('a2'); });
         });
         test('b', say('b'));
         describe('none runs', () => { beforeAll(say('never')); test.skip('x', () => {}); });",
        RunOptions::new(),
    )
    .await;
    assert!(results.is_ok(), "{results:?}");
    let log: Vec<String> = eval_code(&context, "log");
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    assert_eq!(log.join(","), "all,a all,each,a each,a1,a after,after,cleaned,each,a each,a2,a after,after,cleaned,\
        finished,a end 2,a end 1,each,b,after,cleaned,end");
});

engine_test!(async fn a_hook_that_throws_fails_what_it_is_for(engine) {
    let results = run(
        engine,
        "describe('a', () => { beforeAll(() => { throw new Error('all'); }); test('1', () => {}); });
         describe('b', () => { beforeEach(() => { throw new Error('each'); }); test('2', () => {}); });
         describe('c', () => { afterEach(async () => { throw new Error('after'); }); test('3', () => {}); });
         describe('d', () => { throw new Error('suite'); });
         describe('e', () => { test('4', () => {}); });",
    )
    .await;
    assert_eq!(lines(&results), ["skipped a > 1", "failed b > 2: each", "failed c > 3: after", "passed e > 4"]);
    let errors: Vec<_> = results.errors.iter().map(|(names, e)| format!("{}: {}", names.join(">"), e.message)).collect();
    assert_eq!(errors, ["a: all", "d: suite"]);
});

engine_test!(async fn what_is_marked_runs_alone(engine) {
    let results = run(
        engine,
        "test('a', () => {});
         test.only('b', () => {});
         describe.only('c', () => { test('1', () => {}); test('2', () => {}); });
         describe('d', () => { test('3', () => {}); test.only('4', () => {}); });
         describe.only('e', () => { test('5', () => {}); test.only('6', () => {}); });",
    )
    .await;
    let ran: Vec<_> = lines(&results).into_iter().filter(|l| l.starts_with("passed")).collect();
    assert_eq!(ran, ["passed b", "passed c > 1", "passed c > 2", "passed d > 4", "passed e > 6"]);
    let filtered = RunOptions::new().filter(|suites, name| suites.first().is_some_and(|s| s == "x") && name == "1");
    let results = run_with(
        &context(engine),
        "describe('x', () => { test('1', () => {}); test('2', () => {}); }); test('1', () => {});",
        filtered,
    )
    .await;
    assert_eq!(lines(&results), ["passed x > 1", "skipped x > 2", "skipped 1"]);
});

engine_test!(async fn tests_are_made_of_tables(engine) {
    let results = run(
        engine,
        "test.each([[1, 2, 3], [2, 2, 4]])('%d + %i is %s (%#)', (a, b, sum) => { expect(a + b).toBe(sum); });
         test.each([{ a: 1, b: { c: 'x' } }])('$a and $b.c, $none', ({ a }) => { expect(a).toBe(1); });
         test.each`x | y\\n${1} | ${2}\\n${3} | ${4}`('$x to $y', ({ x, y }) => { expect(y).toBe(x + 1); });
         test.for([[1, 2]])('for %j', ([a, b], { expect }) => { expect(a + b).toBe(3); });
         describe.each(['p', 'q'])('suite %s', (name) => { test('has ' + name, () => { expect(name).toMatch(/[pq]/); }); });
         test.skipIf(true)('off', () => { throw 1; });
         test.runIf(true)('on', () => {});",
    )
    .await;
    assert_eq!(lines(&results), [
        "passed 1 + 2 is 3 (0)",
        "passed 2 + 2 is 4 (1)",
        "passed 1 and x, $none",
        "passed 1 to 2",
        "passed 3 to 4",
        "passed for [1,2]",
        "passed suite p > has p",
        "passed suite q > has q",
        "skipped off",
        "passed on",
    ]);
});

engine_test!(async fn concurrent_tests_overlap_and_count_for_themselves(engine) {
    let context = context(engine);
    let results = run_with(
        &context,
        "globalThis.log = [];
         const { promise, resolve } = Promise.withResolvers();
         describe.concurrent('c', () => {
           test('waits for the other', async ({ expect }) => {
             expect.assertions(1);
             log.push('a'); await promise; log.push('c'); expect(1).toBe(1);
           });
           test('lets it go', async ({ expect }) => { expect.assertions(1); log.push('b'); expect(2).toBe(2); resolve(); });
         });",
        RunOptions::new(),
    )
    .await;
    assert_eq!(lines(&results), ["passed c > waits for the other", "passed c > lets it go"]);
    assert_eq!(eval_code::<String>(&context, "log.join('')"), "abc");
});

engine_test!(async fn times_retries_and_bail(engine) {
    let results = run(
        engine,
        "let n = 0;
         test('late', () => new Promise(() => setTimeout(() => {}, 1e9)), 50);
         test('third time', { retry: 2 }, () => { n += 1; expect(n).toBe(3); });
         test('never', { retry: 1 }, () => { throw new Error('no'); });
         test('again', { repeats: 2 }, () => { n += 1; });
         test('count', () => { expect(n).toBe(6); });",
    )
    .await;
    let lines_ = lines(&results);
    assert_eq!(lines_[0], "failed late: the test has not ended within 50ms");
    assert_eq!(&lines_[1..], ["passed third time", "failed never: no", "passed again", "passed count"]);
    assert_eq!((results.tests[1].retries, results.tests[2].retries), (2, 1));
    let results = run_with(
        &context(engine),
        "test('a', () => { throw new Error('x'); }); test('b', () => {});",
        RunOptions::new().bail(1),
    )
    .await;
    assert_eq!(lines(&results), ["failed a: x", "skipped b"]);
});

engine_test!(async fn a_guest_that_is_stopped_ends_the_run_and_not_the_host(engine) {
    let context = create_limited_context(engine, Limits::new().wall_time(Duration::from_secs(1)));
    setup_test_environment(&context, TestEnvironmentOptions::new()).unwrap();
    let source = "test('a', () => {}); test('b', () => { for (;;) ; }); test('c', () => {});";
    let results = run_with(&context, source, RunOptions::new()).await;
    assert_eq!(lines(&results), ["passed a", "failed b: stopped: the wall-clock deadline passed", "skipped c"]);
    assert!(results.stopped.is_some() && !results.is_ok());
});

engine_test!(async fn assertions_are_counted_and_soft_ones_gathered(engine) {
    let results = run(
        engine,
        "test('two', () => { expect.assertions(2); expect(1).toBe(1); });
         test('some', () => { expect.hasAssertions(); });
         test('soft', () => { expect.soft(1).toBe(2); expect.soft(2).toBe(3); expect(1).toBe(1); });
         test('unreachable', () => { expect.unreachable('here'); });
         test('named', () => { expect(1, 'the answer').toBe(2); });
         test('fine', async () => { expect.assertions(1); await expect(Promise.resolve(1)).resolves.toBe(1); });",
    )
    .await;
    assert_eq!(lines(&results), [
        "failed two: expected 2 assertions, and there were 1",
        "failed some: expected some assertion, and there was none",
        "failed soft: expected 1 to be 2 | expected 2 to be 3",
        "failed unreachable: expected this not to be reached: here",
        "failed named: the answer: expected 1 to be 2",
        "passed fine",
    ]);
});

/// Each matcher: what passes, and what fails with which message. Each pair is tried with `not` the other way round.
const MATCHERS: &[(&str, &str, &str)] = &[
    ("expect(1).toBe(1)", "expect({ a: 1 }).toBe(2)", "expected { \"a\": 1 } to be 2"),
    ("expect(NaN).toBe(NaN)", "expect(0).toBe(-0)", "expected 0 to be -0"),
    (
        "expect({ a: undefined, b: [1] }).toEqual({ b: [1] })",
        "expect([1, 2]).toEqual([1])",
        "expected [ 1, 2 ] to equal [ 1 ]",
    ),
    (
        "expect(new Map([['k', { a: 1 }]])).toEqual(new Map([['k', { a: 1 }]]))",
        "expect(new Set([1])).toEqual(new Set([2]))",
        "expected Set { 1 } to equal Set { 2 }",
    ),
    ("expect(new Date(5)).toEqual(new Date(5))", "expect(/a/g).toEqual(/a/i)", "expected /a/g to equal /a/i"),
    (
        "expect(new Error('x')).toEqual(new Error('x'))",
        "expect(new Error('x')).toEqual(new Error('y'))",
        "expected [Error: x] to equal [Error: y]",
    ),
    (
        "expect(new Uint8Array([1, 2])).toEqual(new Uint8Array([1, 2]))",
        "expect(new Uint8Array([1])).toEqual(new Uint8Array([2]))",
        "expected Uint8Array [ 1 ] to equal Uint8Array [ 2 ]",
    ),
    (
        "expect(new Uint8Array([7]).buffer).toEqual(new Uint8Array([7]).buffer)",
        "expect(new ArrayBuffer(1)).toEqual(new ArrayBuffer(2))",
        "expected ArrayBuffer [ 0 ] to equal ArrayBuffer [ 0, 0 ]",
    ),
    (
        "const a = {}; a.a = a; const b = {}; b.a = b; expect(a).toEqual(b)",
        "expect({ [Symbol.for('s')]: 1 }).toEqual({})",
        "expected { [Symbol(s)]: 1 } to equal {}",
    ),
    (
        "expect({ a: 1 }).toStrictEqual({ a: 1 })",
        "expect({ a: undefined }).toStrictEqual({})",
        "expected { \"a\": undefined } to strictly equal {}",
    ),
    (
        "expect([, 1]).toEqual([undefined, 1])",
        "expect([, 1]).toStrictEqual([undefined, 1])",
        "expected [ undefined, 1 ] to strictly equal [ undefined, 1 ]",
    ),
    (
        "class A { x = 1 } expect(new A()).toEqual({ x: 1 })",
        "class A { x = 1 } expect(new A()).toStrictEqual({ x: 1 })",
        "expected A { \"x\": 1 } to strictly equal { \"x\": 1 }",
    ),
    (
        "expect({ a: { b: 1, c: 2 }, d: [{ e: 1, f: 2 }] }).toMatchObject({ a: { b: 1 }, d: [{ e: 1 }] })",
        "expect({ a: 1 }).toMatchObject({ b: 2 })",
        "expected { \"a\": 1 } to match the object { \"b\": 2 }",
    ),
    ("expect(0).toBeDefined()", "expect(undefined).toBeDefined()", "expected undefined to be defined"),
    ("expect(undefined).toBeUndefined()", "expect(null).toBeUndefined()", "expected null to be undefined"),
    ("expect(null).toBeNull()", "expect(0).toBeNull()", "expected 0 to be null"),
    ("expect(NaN).toBeNaN()", "expect('x').toBeNaN()", "expected \"x\" to be NaN"),
    ("expect('x').toBeTruthy()", "expect('').toBeTruthy()", "expected \"\" to be truthy"),
    ("expect(0n).toBeFalsy()", "expect(1n).toBeFalsy()", "expected 1n to be falsy"),
    ("expect(2).toBeGreaterThan(1)", "expect(1).toBeGreaterThan(1)", "expected 1 to be greater than 1"),
    (
        "expect(1).toBeGreaterThanOrEqual(1n)",
        "expect(0).toBeGreaterThanOrEqual(1)",
        "expected 0 to be greater than or equal to 1",
    ),
    ("expect(0).toBeLessThan(1)", "expect(1).toBeLessThan(1)", "expected 1 to be less than 1"),
    (
        "expect(1).toBeLessThanOrEqual(1)",
        "expect(2).toBeLessThanOrEqual(1)",
        "expected 2 to be less than or equal to 1",
    ),
    (
        "expect(0.1 + 0.2).toBeCloseTo(0.3, 5)",
        "expect(1).toBeCloseTo(1.5)",
        "expected 1 to be close to 1.5: the difference is 0.5, and may be less than 0.005",
    ),
    ("expect([]).toBeInstanceOf(Array)", "expect({}).toBeInstanceOf(Array)", "expected {} to be an instance of Array"),
    (
        "expect(1).toBeTypeOf('number')",
        "expect(1).toBeTypeOf('string')",
        "expected 1 to be of type \"string\"; it is a number",
    ),
    ("expect(1).toBeOneOf([1, 2])", "expect(3).toBeOneOf([1, 2])", "expected 3 to be one of [ 1, 2 ]"),
    (
        "expect([1, NaN]).toContain(NaN); expect('abc').toContain('b'); expect(new Set([1])).toContain(1)",
        "expect([{}]).toContain({})",
        "expected [ {} ] to contain {}",
    ),
    (
        "expect([{ a: 1 }]).toContainEqual({ a: 1 })",
        "expect([1]).toContainEqual(2)",
        "expected [ 1 ] to contain what equals 2",
    ),
    ("expect('abc').toHaveLength(3)", "expect([1]).toHaveLength(2)", "expected [ 1 ] to have the length 2; it is 1"),
    (
        "expect({ a: { b: [7] } }).toHaveProperty('a.b[0]', 7); expect({ 'x.y': 1 }).toHaveProperty('x.y'); expect({ a: { b: 1 } }).toHaveProperty(['a', 'b'])",
        "expect({ a: 1 }).toHaveProperty('b')",
        "expected { \"a\": 1 } to have the property \"b\"",
    ),
    (
        "expect('abc').toMatch(/b/g); expect('abc').toMatch('c')",
        "expect('abc').toMatch(/x/)",
        "expected \"abc\" to match /x/",
    ),
    (
        "expect(4).toSatisfy((n) => n % 2 === 0)",
        "expect(3).toSatisfy((n) => n % 2 === 0, 'evenness')",
        "expected 3 to satisfy evenness",
    ),
    (
        "expect(() => { throw new TypeError('no way'); }).toThrow('way')",
        "expect(() => { throw new Error('x'); }).toThrow(TypeError)",
        "expected [Function anonymous] to throw an instance of TypeError, and it threw [Error: x]",
    ),
    (
        "expect(() => { throw new Error('x1'); }).toThrowError(/x\\d/); expect(() => { throw new Error('x'); }).toThrow(new Error('x'))",
        "expect(() => {}).toThrow()",
        "expected [Function anonymous] to throw an error, and it did not",
    ),
    (
        "await expect(Promise.reject(new Error('x'))).rejects.toThrow('x')",
        "await expect(Promise.resolve(1)).rejects.toThrow('x')",
        "expected the promise to be rejected, and it resolved to 1",
    ),
    (
        "await expect(Promise.resolve({ a: 1 })).resolves.toEqual({ a: 1 })",
        "await expect(Promise.reject(1)).resolves.toBe(1)",
        "expected the promise to resolve, and it was rejected with 1",
    ),
    (
        "expect({ b: 1, a: ['x'] }).toMatchInlineSnapshot(`\n      {\n        \"a\": [\n          \"x\",\n        ],\n        \"b\": 1,\n      }\n    `)",
        "expect(1).toMatchInlineSnapshot('2')",
        "expected 1 to match the inline snapshot",
    ),
    (
        "expect([/a.b/g, , 'q\"r']).toMatchInlineSnapshot('[\\n  /a\\\\.b/g,\\n  ,\\n  \"q\"r\",\\n]')",
        "expect(1).toMatchInlineSnapshot()",
        "expected 1 to match an inline snapshot, and none is given. What to write:\n\ntoMatchInlineSnapshot(`1`)",
    ),
    (
        "expect(() => { throw new Error('x'); }).toThrowErrorMatchingInlineSnapshot('[Error: x]')",
        "expect(() => { throw new Error('x'); }).toThrowErrorMatchingInlineSnapshot('[Error: y]')",
        "expected [Function anonymous] to match the inline snapshot",
    ),
    (
        "expect({ a: 1, b: 'x', c: [1, 2], d: 0.3 }).toEqual({ a: expect.any(Number), b: expect.stringContaining('x'), c: expect.arrayContaining([2]), d: expect.closeTo(0.1 + 0.2) })",
        "expect({ a: null }).toEqual({ a: expect.anything() })",
        "expected { \"a\": null } to equal { \"a\": Anything }",
    ),
    (
        "expect({ a: 1, b: 2 }).toEqual(expect.objectContaining({ a: 1 })); expect('ab').toEqual(expect.stringMatching(/^a/)); expect('ab').toEqual(expect.not.stringContaining('x'))",
        "expect([1]).toEqual(expect.not.arrayContaining([1]))",
        "expected [ 1 ] to equal ArrayContainingNot<[ 1 ]>",
    ),
    (
        "const f = vi.fn(); f(1, { a: 2 }); expect(f).toHaveBeenCalled(); expect(f).toHaveBeenCalledWith(1, { a: 2 }); expect(f).toHaveBeenCalledTimes(1); expect(f).toHaveBeenCalledOnce(); expect(f).toHaveBeenCalledExactlyOnceWith(1, expect.anything())",
        "const f = vi.fn(); expect(f).toHaveBeenCalled()",
        "expected [MockFunction vi.fn()] to have been called; it was, 0 times",
    ),
    (
        "const f = vi.fn(); f(1); f(2); expect(f).toHaveBeenLastCalledWith(2); expect(f).toHaveBeenNthCalledWith(1, 1); expect(f).lastCalledWith(2)",
        "const f = vi.fn().mockName('f'); f(1); expect(f).toHaveBeenCalledWith(2)",
        "expected [MockFunction f] to have been called with [ 2 ]\n\nCalls:\n  1: [ 1 ]",
    ),
    (
        "const f = vi.fn((x) => x * 2); f(1); f(2); expect(f).toHaveReturned(); expect(f).toHaveReturnedTimes(2); expect(f).toHaveReturnedWith(4); expect(f).toHaveLastReturnedWith(4); expect(f).toHaveNthReturnedWith(1, 2)",
        "const f = vi.fn(() => 1); f(); expect(f).toHaveReturnedWith(2)",
        "expected [MockFunction vi.fn()] to have returned with 2; it has with [ 1 ]",
    ),
    (
        "const f = vi.fn(async () => 1); await f(); expect(f).toHaveResolved(); expect(f).toHaveResolvedWith(1); expect(f).toHaveResolvedTimes(1)",
        "const f = vi.fn(async () => { throw 1; }); await f().catch(() => {}); expect(f).toHaveResolved()",
        "expected [MockFunction vi.fn()] to have resolved; it has, 0 times",
    ),
    (
        "const f = vi.fn(), g = vi.fn(); f(); g(); expect(f).toHaveBeenCalledBefore(g); expect(g).toHaveBeenCalledAfter(f)",
        "const f = vi.fn(), g = vi.fn(); g(); f(); expect(f).toHaveBeenCalledBefore(g)",
        "expected [MockFunction vi.fn()] to have been called before [MockFunction vi.fn()]",
    ),
    (
        "expect(new URL('http://a/b')).toEqual(new URL('http://a/b'))",
        "expect(new URL('http://a/b')).toEqual(new URL('http://a/c'))",
        "expected http://a/b to equal http://a/c",
    ),
    (
        "assert(1); assert.equal(1, '1'); assert.strictEqual(1, 1); assert.deepEqual([1], [1]); assert.throws(() => { throw new Error('x'); }, /x/); assert.throws(() => { throw new TypeError('x'); }, { name: 'TypeError' })",
        "assert.deepStrictEqual([1], [2])",
        "expected [ 1 ] to strictly equal [ 2 ]",
    ),
];

engine_test!(async fn every_matcher_passes_and_fails(engine) {
    let mut source = String::new();
    for (i, (passes, fails, _)) in MATCHERS.iter().enumerate() {
        source += &format!("test('passes {i}', async () => {{ {passes} }});\ntest('fails {i}', async () => {{ {fails} }});\n");
    }
    let results = run(engine, &source).await;
    for (i, (passes, fails, message)) in MATCHERS.iter().enumerate() {
        let (good, bad) = (&results.tests[2 * i], &results.tests[2 * i + 1]);
        assert_eq!(good.status, Status::Passed, "{passes}: {:?}", good.failures);
        assert_eq!(bad.status, Status::Failed, "{fails}");
        assert_eq!(bad.failures[0].message, *message, "{fails}");
    }
});

engine_test!(async fn not_turns_every_simple_matcher_round(engine) {
    let simple: Vec<_> = MATCHERS.iter().filter(|(p, f, _)| {
        let one = |s: &str| s.starts_with("expect(") && s.matches("expect(").count() == 1;
        one(p) && one(f)
    }).collect();
    assert!(simple.len() > 25);
    let turned = |s: &str| {
        // Behind the closing parenthesis of expect(…).
        let mut depth = 0;
        let at = s.char_indices().find_map(|(i, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            (c == ')' && depth == 0).then_some(i + 1)
        }).unwrap();
        format!("{}.not{}", &s[..at], &s[at..])
    };
    let mut source = String::new();
    for (passes, fails, _) in &simple {
        source += &format!("test('fails', () => {{ {} }});\ntest('passes', () => {{ {} }});\n", turned(passes), turned(fails));
    }
    let results = run(engine, &source).await;
    for (i, (passes, fails, _)) in simple.iter().enumerate() {
        let (bad, good) = (&results.tests[2 * i], &results.tests[2 * i + 1]);
        assert_eq!(bad.status, Status::Failed, "{passes}");
        assert!(bad.failures[0].message.contains(" not to "), "{:?}", bad.failures);
        assert_eq!(good.status, Status::Passed, "{fails}: {:?}", good.failures);
    }
});

engine_test!(async fn differences_are_shown_by_lines(engine) {
    let results = run(
        engine,
        "test('a', () => expect({ a: 1, b: { c: [1, 2, 3] }, d: 'x' }).toEqual({ a: 1, b: { c: [1, 5, 3] }, d: 'x' }));
         test('text', () => expect('one\\ntwo').toBe('one\\n2'));",
    )
    .await;
    let diff = results.tests[0].failures[0].diff.as_deref().unwrap();
    assert_eq!(
        diff,
        "- Expected\n+ Received\n\n    \"b\": {\n      \"c\": [\n        1,\n-       5,\n+       2,\n        3,\n      ],\n    },"
    );
    assert_eq!(results.tests[1].failures[0].diff.as_deref(), Some("- Expected\n+ Received\n\n  one\n- 2\n+ two"));
});

engine_test!(async fn matchers_are_added(engine) {
    let results = run(
        engine,
        "expect.extend({
           toBeEven(n) { return { pass: n % 2 === 0, message: () => `expected ${n} ${this.isNot ? 'not ' : ''}to be even` }; },
           async toSoonBe(n, m) { await null; return { pass: n === m, message: () => 'late', actual: n, expected: m }; },
         });
         test('even', () => { expect(2).toBeEven(); expect(3).not.toBeEven(); expect({ n: 2 }).toEqual({ n: expect.toBeEven() }); });
         test('odd', () => { expect(3).toBeEven(); });
         test('soon', async () => { await expect(1).toSoonBe(1); });
         test('late', async () => { await expect(1).toSoonBe(2); });",
    )
    .await;
    assert_eq!(lines(&results), ["passed even", "failed odd: expected 3 to be even", "passed soon", "failed late: late"]);
});

engine_test!(async fn spies_note_calls_and_give_back_what_they_replaced(engine) {
    let results = run(
        engine,
        "test('fn', () => {
           const f = vi.fn((a, b) => a + b);
           expect(f(1, 2)).toBe(3);
           expect(f.mock.calls).toEqual([[1, 2]]);
           expect(f.mock.results).toEqual([{ type: 'return', value: 3 }]);
           expect(f.length).toBe(2);
           f.mockReturnValueOnce('once').mockImplementation(() => 'then');
           expect([f(), f(), f()]).toEqual(['once', 'then', 'then']);
           f.mockReset();
           expect(f(1, 1)).toBe(2);
           expect(f).toHaveBeenCalledTimes(1);
         });
         test('throws, and is made with new', () => {
           const f = vi.fn(() => { throw new Error('x'); });
           expect(() => f()).toThrow('x');
           expect(f.mock.results[0].type).toBe('throw');
           const C = vi.fn(function (x) { this.x = x; });
           const c = new C(7);
           expect(c.x).toBe(7);
           expect(c).toBeInstanceOf(C);
           expect(C.mock.instances[0]).toBe(c);
         });
         test('promises', async () => {
           expect(await vi.fn().mockResolvedValue(5)()).toBe(5);
           await expect(vi.fn().mockRejectedValueOnce(new Error('no'))()).rejects.toThrow('no');
         });
         test('spyOn', () => {
           const o = { n: 1, add(x) { return this.n + x; }, get g() { return 'real'; } };
           const spy = vi.spyOn(o, 'add');
           expect(o.add(2)).toBe(3);
           expect(spy).toHaveBeenCalledWith(2);
           expect(spy.mock.contexts[0]).toBe(o);
           spy.mockReturnValue(42);
           expect(o.add(2)).toBe(42);
           vi.spyOn(o, 'g', 'get').mockReturnValue('fake');
           expect(o.g).toBe('fake');
           vi.restoreAllMocks();
           expect([o.add(2), o.g, vi.isMockFunction(o.add)]).toEqual([3, 'real', false]);
           class A { m() { return 1; } }
           const a = new A();
           vi.spyOn(a, 'm').mockReturnValue(2);
           expect(a.m()).toBe(2);
           vi.restoreAllMocks();
           expect([a.m(), Object.hasOwn(a, 'm')]).toEqual([1, false]);
         });
         test('globals', () => {
           vi.stubGlobal('thing', 5);
           expect(thing).toBe(5);
           vi.unstubAllGlobals();
           expect(typeof thing).toBe('undefined');
         });
         test('modules are the host\\'s', () => { expect(() => vi.mock('x')).toThrow('not supported'); });",
    )
    .await;
    assert!(results.is_ok(), "{:?}", lines(&results));
});

engine_test!(async fn fake_timers_move_when_they_are_told_to(engine) {
    let results = run(
        engine,
        "afterEach(() => { vi.useRealTimers(); });
         test('by time', () => {
           vi.useFakeTimers({ now: 1000 });
           const f = vi.fn();
           setTimeout(f, 100, 'x');
           const i = setInterval(f, 30);
           expect([vi.getTimerCount(), Date.now(), new Date().getTime()]).toEqual([2, 1000, 1000]);
           vi.advanceTimersByTime(100);
           expect(f).toHaveBeenCalledTimes(4);
           expect(f).toHaveBeenNthCalledWith(4, 'x');
           expect([Date.now(), performance.now()]).toEqual([1100, 100]);
           clearInterval(i);
           expect(vi.getTimerCount()).toBe(0);
           vi.setSystemTime(new Date('2030-01-01T00:00:00Z'));
           expect(new Date().toISOString()).toBe('2030-01-01T00:00:00.000Z');
           expect(new Date(5)).toBeInstanceOf(Date);
           expect(vi.isFakeTimers()).toBe(true);
         });
         test('all, in order', () => {
           vi.useFakeTimers();
           const log = [];
           setTimeout(() => log.push('b'), 20);
           setTimeout(() => { log.push('a'); setTimeout(() => log.push('c'), 30); }, 10);
           vi.runOnlyPendingTimers();
           expect(log).toEqual(['a', 'b']);
           vi.runAllTimers();
           expect(log).toEqual(['a', 'b', 'c']);
           setInterval(() => {}, 1);
           expect(() => vi.runAllTimers()).toThrow('there are still some');
         });
         test('promises between', async () => {
           vi.useFakeTimers();
           const log = [];
           const work = (async () => {
             for (let i = 0; i < 3; i++) { await new Promise((r) => setTimeout(r, 100)); log.push(Date.now()); }
             return 'done';
           })();
           const start = Date.now();
           await vi.advanceTimersByTimeAsync(250);
           expect(log).toEqual([start + 100, start + 200]);
           await vi.runAllTimersAsync();
           expect(await work).toBe('done');
         });
         test('next, and polling', async () => {
           vi.useFakeTimers();
           let n = 0;
           setTimeout(() => n++, 5); setTimeout(() => n++, 5000);
           vi.advanceTimersToNextTimer();
           expect(n).toBe(1);
           vi.advanceTimersToNextTimer();
           expect(n).toBe(2);
           setTimeout(() => { n = 10; }, 120);
           expect(await vi.waitFor(() => { if (n !== 10) throw new Error('not yet'); return n; })).toBe(10);
         });
         test('are over afterwards', () => {
           expect(vi.isFakeTimers()).toBe(false);
           expect(() => vi.advanceTimersByTime(1)).toThrow('useFakeTimers');
           expect(Math.abs(Date.now() - new Date().getTime()) < 1000).toBe(true);
         });",
    )
    .await;
    assert!(results.is_ok(), "{:?}", lines(&results));
});

engine_test!(async fn code_under_test_may_patch_the_builtins(engine) {
    let results = run(
        engine,
        "const broken = () => { throw new Error('patched'); };
         test('patches', () => {
           for (const C of [Array, String, Map, Set, Promise, Object, Function, RegExp]) {
             for (const k of Object.getOwnPropertyNames(C.prototype)) {
               if (k === 'constructor' || k === '__proto__') continue;
               const d = Object.getOwnPropertyDescriptor(C.prototype, k);
               if (typeof d.value === 'function' && d.writable) C.prototype[k] = broken;
             }
           }
           Array.prototype[Symbol.iterator] = broken;
         });
         test('passes', () => { expect({ a: [1, new Map([])] }).toEqual({ a: [1, new Map()] }); });
         test('fails', () => { expect({ a: 1 }).toEqual({ a: 2 }); });",
    )
    .await;
    // Of the code under test itself, `new Map([])` needs the iterator.
    assert_eq!(lines(&results)[0], "passed patches");
    assert_eq!(lines(&results)[2], "failed fails: expected { \"a\": 1 } to equal { \"a\": 2 }");
    assert!(results.tests[2].failures[0].diff.is_some());
});

engine_test!(async fn the_host_is_told_what_happens(engine) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let options = RunOptions::new().on_event(move |event| {
        told.lock().unwrap().push(match event {
            TestEvent::Collected(n) => format!("{n} tests"),
            TestEvent::SuiteStart(names) => format!("> {}", names.join("/")),
            TestEvent::SuiteEnd(names) => format!("< {}", names.join("/")),
            TestEvent::TestStart(names) => format!("… {}", names.join("/")),
            TestEvent::TestEnd(result) => format!("{:?} {}", result.status, result.name),
            _ => unreachable!(),
        });
    });
    run_with(&context(engine), "describe('a', () => { test('b', () => {}); test.skip('c', () => {}); });", options).await;
    assert_eq!(*seen.lock().unwrap(), ["2 tests", "> a", "… a/b", "Passed b", "Skipped c", "< a"]);
});

engine_test!(async fn it_is_imported_by_its_names(engine) {
    let context = context(engine);
    let source = "import { test, expect, vi, describe, beforeEach } from 'vitest';
        import { test as same } from 'isolate:test';
        import { jest, it } from '@jest/globals';
        test('a', () => { expect(test).toBe(same); expect(jest.fn).toBe(vi.fn); expect(it).toBe(test); });";
    context.eval(source, EvalOptions::new().filename("a.test.mjs").module()).await.unwrap();
    let handle = setup_test_environment(&context, TestEnvironmentOptions::new()).unwrap();
    let results = handle.run(&RunOptions::new()).await.unwrap();
    assert_eq!(lines(&results), ["passed a"]);
    // Once is all.
    let late: String = eval_code(&context, "try { test('x', () => {}); } catch (e) { e.message }");
    assert!(late.contains("while tests run"), "{late}");
});

engine_test!(async fn values_that_resist_fail_their_test_and_nothing_else(engine) {
    let results = run(engine, include_str!("hostile.test.js")).await;
    assert_eq!(results.stopped, None);
    let passed: Vec<_> =
        results.tests.iter().filter(|t| t.status == Status::Passed).map(|t| t.name.split(' ').next().unwrap()).collect();
    assert_eq!(passed, ["symbol", "a", "spy", "fake"]);
    assert_eq!(results.count(Status::Failed), 20);
    let long = results.tests.iter().find(|t| t.name == "long").unwrap();
    assert!(long.failures[0].diff.as_ref().unwrap().len() < 3000);
});

engine_test!(async fn snapshots_to_be_written_are_told(engine) {
    let source = "test('a', () => {\n  expect(1).toMatchInlineSnapshot();\n  expect(2).toMatchInlineSnapshot('2');\n});
test('b', async () => {\n  await expect(Promise.resolve('x')).resolves.toMatchInlineSnapshot('y');\n});
test('c', () => { expect(3).not.toMatchInlineSnapshot('3'); });";
    let results = run_with(&context(engine), source, RunOptions::new().update_snapshots(true)).await;
    assert_eq!(lines(&results), [
        "passed a",
        "passed b",
        "failed c: expected 3 not to match the inline snapshot",
    ]);
    let told: Vec<_> = results.snapshots.iter().map(|s| (s.file.as_deref(), s.line, s.text.as_str())).collect();
    assert_eq!(told, [(Some("a.test.js"), Some(2), "1"), (Some("a.test.js"), Some(6), "\"x\"")]);
    let done = write_inline_snapshots(source, &results.snapshots);
    assert_eq!((done.written, done.refused.len()), (2, 0));
    let again = run(engine, &done.source).await;
    assert_eq!(lines(&again)[..2], ["passed a", "passed b"]);
    assert!(again.snapshots.is_empty());
});
