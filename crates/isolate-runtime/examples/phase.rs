use isolate_runtime::core::Glue;
use isolate_runtime::*;
use std::time::*;
static P: Glue = Glue::new("x:p", include_str!("../../isolate-core/src/glue/primordials.js"));
static E: Glue = Glue::new("x:e", "(function(){})");
fn main() {
    let mut sums = [0u128; 16];
    let n = 1000;
    for i in 0..n + 50 {
        let t0 = Instant::now();
        let e = QuickJs::new().new_context(&Limits::new()).unwrap();
        let t1 = Instant::now();
        e.install(&E, vec![]).unwrap();
        let t2 = Instant::now();
        e.install(&P, vec![]).unwrap();
        let t3 = Instant::now();
        drop(e);
        let t4 = Instant::now();
        let ctx = Context::new(&QuickJs::new(), ContextOptions::new()).unwrap();
        let t5 = Instant::now();
        setup_core(&ctx).unwrap();
        let t6 = Instant::now();
        setup_console(&ctx, Default::default()).unwrap();
        let t7 = Instant::now();
        setup_timers(&ctx, Default::default()).unwrap();
        let t8 = Instant::now();
        ctx.evaluate("1+1", "x").unwrap();
        let t9 = Instant::now();
        drop(ctx);
        let t10 = Instant::now();
        let ts = [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10];
        if i >= 50 {
            for k in 0..10 {
                sums[k] += (ts[k + 1] - ts[k]).as_nanos();
            }
        }
    }
    for (k, name) in [
        "engine ctx",
        "empty glue",
        "primordials",
        "engine drop",
        "Context::new",
        "core",
        "console",
        "timers",
        "eval",
        "drop",
    ]
    .iter()
    .enumerate()
    {
        println!("{name}: {:.1}us", sums[k] as f64 / n as f64 / 1000.0);
    }
}
