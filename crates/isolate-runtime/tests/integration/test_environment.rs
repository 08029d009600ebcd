//! Tests of guests, run from outside of their thread.

use std::time::Duration;

use isolate_runtime::{Clock, Limits, RunOptions, RuntimeOptions, Status, create_runtime, engines};

#[test]
fn tests_run_with_the_runtimes_apis_and_limits() {
    for engine in engines() {
        isolate_test_utils::block_on(async {
            let options = RuntimeOptions::new()
                .engine_arc(engine)
                .clock(Clock::VirtualAutoAdvance)
                .limits(Limits::new().wall_time(Duration::from_secs(2)))
                .test_environment();
            let runtime = create_runtime(options).await.unwrap();
            let source = "
                let resolve;
                const both = new Promise((r) => { resolve = r; });
                test('waits for a day', async () => { await new Promise((r) => setTimeout(r, 86400e3)); });
                test('can never end', () => new Promise(() => {}));
                describe.concurrent('two', () => {
                  test('a', async () => { await both; });
                  test('b', async () => { await null; resolve(); });
                });
                test('loops', () => { for (;;) ; });
                test('is not reached', () => {});";
            runtime.eval(source, "a.test.js").await.unwrap();
            let results = runtime.run_tests(&RunOptions::new().timeout(Duration::from_secs(60))).await.unwrap();
            let ended: Vec<Status> = results.tests.iter().map(|t| t.status).collect();
            use Status::{Failed, Passed, Skipped};
            assert_eq!(ended, [Passed, Failed, Passed, Passed, Failed, Skipped], "{results:?}");
            assert!(results.tests[1].failures[0].message.contains("can never settle"));
            assert!(results.stopped.unwrap().contains("deadline"));
        });
    }
}

/// A run may be a task of its own.
#[test]
fn a_run_can_be_sent() {
    fn sent<T: Send>(_: &T) {}
    isolate_test_utils::block_on(async {
        let runtime = create_runtime(RuntimeOptions::new().test_environment()).await.unwrap();
        let options = RunOptions::new();
        let run = runtime.run_tests(&options);
        sent(&run);
        assert!(run.await.unwrap().tests.is_empty());
    });
}
