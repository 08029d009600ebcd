//! Contexts with one API each.

use std::time::Duration;

use isolate_core::{Clock, ContextOptions, UncaughtKind, Value};
use isolate_test_environment::{RunOptions, Status};
use isolate_test_utils::{
    create_console_test_context, create_crypto_test_context, create_encoding_test_context, create_path_test_context,
    create_test_environment_context, create_timers_test_context, create_timers_test_context_with, engine_test,
    eval_code, eval_code_async, eval_code_json,
};

engine_test!(fn what_is_printed_is_recorded(engine) {
    let ctx = create_console_test_context(engine);
    let code = "console.log('%s is %d', 'six', 6, [6]); console.warn('careful'); console.group('g'); console.error('no');
        console.groupEnd(); console.count(); console.assert(false, 'why'); console.clear()";
    ctx.context.evaluate(code, "test.js").unwrap();
    let all = ctx.logs.all();
    let lines: Vec<_> = all.iter().map(|log| (log.level.as_str(), log.text.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("log", "six is 6 [ 6 ]"),
            ("warn", "careful"),
            ("log", "g"),
            ("error", "  no"),
            ("log", "default: 1"),
            ("error", "Assertion failed: why"),
        ]
    );
    assert_eq!(all[0].args, ["%s is %d".into(), "six".into(), 6.into(), Value::List(vec![6.into()])]);
    assert_eq!(ctx.logs.at("warn"), ["careful"]);
    assert_eq!(ctx.console.group_depth(), 0);
    assert_eq!(ctx.logs.take().len(), 6);
    assert!(ctx.logs.all().is_empty());
});

engine_test!(async fn randomness_follows_from_the_seed(engine) {
    let code = "(async () => {
        const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt']);
        const raw = new Uint8Array(await crypto.subtle.exportKey('raw', key));
        return [crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(4))].join(), [...raw].join()];
    })()";
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let ctx = create_crypto_test_context(engine, seed);
        runs.push(eval_code_async::<Vec<String>>(&ctx.context, code).await);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].iter().zip(&runs[2]).all(|(a, b)| a != b), "{runs:?}");
});

engine_test!(fn base64_and_paths(engine) {
    let ctx = create_encoding_test_context(engine);
    assert_eq!(eval_code::<String>(&ctx.context, "atob(btoa('text'))"), "text");
    let ctx = create_path_test_context(engine);
    assert_eq!(eval_code::<String>(&ctx.context, "path.resolve('a', '..', 'b')"), "/b");
    ctx.path.set_working_directory("/home").unwrap();
    assert_eq!(eval_code_json::<Vec<String>>(&ctx.context, "JSON.stringify([path.resolve('b')])"), ["/home/b"]);
});

engine_test!(fn time_is_the_tests(engine) {
    let ctx = create_timers_test_context(engine);
    let code = "var n = 0; setInterval(() => n++, 100); setTimeout(() => { throw new RangeError('late') }, 150)";
    ctx.context.evaluate(code, "test.js").unwrap();
    ctx.tick(99);
    assert_eq!((eval_code::<u32>(&ctx.context, "n"), ctx.timers.pending()), (0, 2));
    ctx.tick(901);
    assert_eq!((eval_code::<u32>(&ctx.context, "n"), ctx.timers.pending()), (10, 1));
    assert_eq!(ctx.uncaught.texts(), ["RangeError: late"]);
    assert_eq!(ctx.uncaught.take()[0].kind, UncaughtKind::Callback);
    assert!(ctx.uncaught.all().is_empty());
});

engine_test!(async fn time_jumps_if_it_may(engine) {
    let ctx = create_timers_test_context_with(engine, ContextOptions::new().clock(Clock::VirtualAutoAdvance));
    let code = "new Promise((done) => setTimeout(done, 3600000, 'an hour later'))";
    assert_eq!(eval_code_async::<String>(&ctx.context, code).await, "an hour later");
});

engine_test!(async fn a_guests_own_tests(engine) {
    let ctx = create_test_environment_context(engine);
    let code = "describe('sums', () => {
        test('adds', () => expect(1 + 1).toBe(2));
        test('waits', async () => { await new Promise((done) => setTimeout(done, 60000)); });
        test('is wrong', () => expect([1]).toEqual([2]));
        test.todo('later');
    })";
    ctx.context.evaluate(code, "sums.test.js").unwrap();
    let results = ctx.tests.run(&RunOptions::new().timeout(Duration::from_secs(20))).await.unwrap();
    let all: Vec<_> = results.tests.iter().map(|t| (t.name.as_str(), t.status)).collect();
    let expected = [
        ("adds", Status::Passed),
        ("waits", Status::Passed),
        ("is wrong", Status::Failed),
        ("later", Status::Todo),
    ];
    assert_eq!(all, expected);
    assert!(!results.is_ok());
});
