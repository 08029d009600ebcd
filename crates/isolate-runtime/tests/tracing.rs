//! What `tracing` is told. The subscriber is the process's, so this is a test of its own.

use std::fmt::{Debug, Write};
use std::sync::Mutex;
use std::time::Duration;

use isolate_runtime::{EvalOptions, Limits, RuntimeOptions, create_runtime, engines};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Recorder;

#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Times differ from run to run.
        if field.name() != "took" {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "isolate"
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        LINES.lock().unwrap().push(format!("span {}{}", span.metadata().name(), fields.0));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        LINES.lock().unwrap().push(format!("{}{}", event.metadata().level(), fields.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn saw(what: &str) -> bool {
    LINES.lock().unwrap().iter().any(|line| line.contains(what))
}

#[test]
fn calls_limits_and_stops_are_told() {
    tracing::subscriber::set_global_default(Recorder).unwrap();
    for engine in engines() {
        isolate_test_utils::block_on(async {
            LINES.lock().unwrap().clear();
            let limits = Limits::new().pending_calls(1);
            let runtime = create_runtime(RuntimeOptions::new().engine_arc(engine).limits(limits).setup(|ctx| {
                ctx.define_function("add", |a: f64, b: f64| a + b)?;
                ctx.define_function("refuse", || Err::<(), _>(isolate_runtime::HostError::type_error("no")))?;
                ctx.define_async_function("nap", || tokio::time::sleep(Duration::from_millis(20)))
            }))
            .await
            .unwrap();
            assert!(saw("span runtime id="));
            assert!(saw("a runtime is made"));
            runtime.eval("add(1, 2); try { refuse() } catch {} await nap()", "main.js").await.unwrap();
            assert!(saw("span eval file=\"main.js\""));
            assert!(saw("span host_call function=\"add\""));
            assert!(saw("TRACE message=returned"));
            assert!(saw("TRACE error=TypeError: no outcome=\"threw\""));
            assert!(saw("TRACE message=pending"));
            assert!(saw("TRACE message=fulfilled"));
            assert!(saw("DEBUG message=done"));
            runtime.eval("nap(); nap().catch(() => {})", ()).await.unwrap();
            assert!(saw("a limit of the guest was reached function=\"nap\""), "{:?}", LINES.lock().unwrap());
            let deadline = EvalOptions::new().deadline(Duration::from_millis(50));
            runtime.eval("for (;;) ;", deadline).await.unwrap_err();
            assert!(saw("WARN message=the guest is stopped by a limit reason=stopped: the wall-clock deadline passed"));
            runtime.dispose().await;
            assert!(saw("a runtime is disposed of"));
        });
    }
}
