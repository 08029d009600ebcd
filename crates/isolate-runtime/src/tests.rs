//! Tests that a guest brings along.

use isolate_core::{Error, EvalOptions};
use isolate_test_environment::{RunOptions, TestEnvironmentOptions, TestResults, setup_test_environment};

use crate::{Runtime, RuntimeOptions};

impl RuntimeOptions {
    /// Gives the guest `describe`, `test`, `expect` and what belongs to them. [`Runtime::run_tests`] runs what it defines with
    /// them.
    #[must_use]
    pub fn test_environment(self) -> Self {
        self.setup(|context| setup_test_environment(context, TestEnvironmentOptions::new()).map(|_| ()))
    }
}

impl Runtime {
    /// Runs the tests that the guest has defined so far, once; for a runtime with a
    /// [test environment](RuntimeOptions::test_environment). Each hook and each test is a call of its own, with the
    /// runtime's limits. Wants a Tokio runtime with time around it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), isolate_runtime::Error> {
    /// use isolate_runtime::{RunOptions, RuntimeOptions, create_runtime};
    ///
    /// let runtime = create_runtime(RuntimeOptions::new().test_environment()).await?;
    /// runtime.eval("test('adds', () => expect(1 + 1).toBe(2))", "sum.test.js").await?;
    /// let results = runtime.run_tests(&RunOptions::new()).await?;
    /// assert!(results.is_ok());
    /// assert_eq!(results.tests[0].full_name(), "adds");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If what there is to run cannot be found out. What goes wrong in a test is in the results.
    pub async fn run_tests(&self, options: &RunOptions) -> Result<TestResults, Error> {
        let runner = self
            .with_context(|context| setup_test_environment(context, TestEnvironmentOptions::new()).map(|h| h.runner()))
            .await??;
        let call = |function, args, alone| {
            let runtime = self.clone();
            let how = if alone { EvalOptions::new().fail_when_idle() } else { EvalOptions::new() };
            async move { runtime.call_with(&function, args, how).await }
        };
        runner.run(options, call).await
    }
}
