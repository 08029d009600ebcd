//! What happens when guest code goes too far: every case is a typed error, and the program goes on.
//!
//! ```text
//! cargo run -p isolate-runtime --example limits
//! ```

use std::time::Duration;

use isolate_runtime::{ErrorKind, EvalOptions, Limits, RuntimeOptions, create_runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), isolate_runtime::Error> {
    let ms = Duration::from_millis;
    let limits = || Limits::new().memory(16 << 20).wall_time(ms(500)).timers(100).pending_calls(10);
    let cases = [
        ("a loop that catches", limits(), "for (;;) try { for (;;) {} } catch {} finally { continue }"),
        ("promises for ever", limits(), "(async () => { for (;;) await null })()"),
        ("a promise nobody settles", limits(), "await new Promise(() => {})"),
        ("processor time", limits().cpu_time(ms(50)), "for (;;) {}"),
        ("memory", limits(), "const all = []; for (;;) all.push({})"),
        ("memory, caught", limits(), "for (;;) try { new Uint8Array(1e8) } catch {}"),
        ("deep recursion", limits(), "(function f() { f() })()"),
        ("deep recursion, caught", limits(), "try { (function f() { f() })() } catch (e) { e.name }"),
        ("a value too large", limits().value_bytes(1 << 20), "'x'.repeat(2 ** 21)"),
        ("a cycle", limits(), "const a = []; a.push(a); a"),
        ("too many timers", limits(), "for (;;) setTimeout(() => {}, 1)"),
        ("too many host calls", limits(), "await Promise.all(Array.from({ length: 11 }, () => never()))"),
    ];
    for (name, limits, code) in cases {
        let options = RuntimeOptions::new()
            .limits(limits)
            .setup(|ctx| ctx.define_async_function("never", std::future::pending::<()>));
        let rt = create_runtime(options).await?;
        let outcome = match rt.eval(code, ()).await {
            Ok(value) => format!("gave {value:?}"),
            Err(e) => match (e.kind(), e.exception()) {
                (ErrorKind::Terminated(reason), _) => format!("{reason}"),
                (_, Some(exception)) => format!("threw {exception}"),
                _ => format!("failed: {e}"),
            },
        };
        let after = if rt.eval("1", ()).await.is_ok() { "the guest goes on" } else { "the guest is gone" };
        println!("{name:24} {outcome} ({after})");
        rt.dispose().await;
    }

    // A deadline can also be given for one evaluation.
    let rt = create_runtime(RuntimeOptions::new()).await?;
    let options = EvalOptions::new().filename("short.js").deadline(ms(20));
    let error = rt.eval("for (;;) {}", options).await.unwrap_err();
    println!("{:24} {error}", "a deadline of 20 ms");
    Ok(())
}
