//! A guest that has `fetch`, and one function of it that is called with bytes.

use std::cell::Cell;
use std::future::poll_fn;

use bytes::Bytes;
use isolate_core::{Context, ContextOptions, EvalOptions, Function, Limits, Value, setup_core};
use isolate_engine_quickjs::QuickJs;
use isolate_fetch::{FetchOptions, setup_fetch};

pub struct Guest {
    context: Context,
    function: Function,
    tokio: tokio::runtime::Runtime,
    calls: Cell<u32>,
}

impl Guest {
    /// Of a script whose value is the function.
    pub fn new(script: &str, options: FetchOptions) -> Self {
        let limits = Limits::new().memory(512 << 20).wall_time(None);
        let context = Context::new(&QuickJs::new(), ContextOptions::new().limits(limits)).unwrap();
        setup_core(&context).unwrap();
        setup_fetch(&context, options).unwrap();
        context.on_uncaught(|uncaught| panic!("uncaught: {uncaught:?}"));
        let Value::Function(function) = context.evaluate(script, "guest.js").unwrap() else { panic!("no function") };
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { context, function, tokio, calls: Cell::new(0) }
    }

    /// Calls it and awaits what it gives; what it throws is a finding.
    pub fn call(&self, data: &[u8]) {
        let args = vec![Value::Bytes(Bytes::copy_from_slice(data))];
        self.tokio.block_on(async {
            let mut call = self.context.start_call(&self.function, args, &EvalOptions::new()).unwrap();
            self.context.run_until_idle().await.unwrap();
            poll_fn(|cx| call.poll(cx)).await.expect("an error that the standard does not know");
        });
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() % 1000 == 0 {
            self.context.collect_garbage();
        }
    }
}
