//! Side-by-side measurements in one run: Isolate, raw QuickJS-NG, and isolated-vm; then Isolate, Node and Deno.
//!
//! ```text
//! cargo run --release -p isolate-bench             everything; prints a table
//! cargo run --release -p isolate-bench -- --write  and puts it into bench/RESULTS.md
//! cargo run --release -p isolate-bench -- --no-peers   the first table without isolated-vm
//! cargo run --release -p isolate-bench -- --no-web     only the first table
//! cargo run --release -p isolate-bench -- --only-web   only the second
//! cargo run --release -p isolate-bench -- --only-fetch only the third
//! cargo run --release -p isolate-bench -- --only-fs    only the fourth
//! cargo run --release -p isolate-bench --features v8 -- --engine v8   Isolate on V8; the baseline stays raw QuickJS-NG
//! cargo run --release -p isolate-bench -- many, soak, modules             many runtimes at once; see `host.rs`
//! ```
//!
//! The second table, of the web platform, takes `node` from the PATH, Deno from `$DENO` or else from npm
//! (`peers/deno.sh`), and URLs from the web platform tests (`bash tests/wpt/fetch.sh`).
//!
//! Machines are shared and noisy: each figure is a median, ours and the baseline's samples take turns, and what counts
//! are the ratios.

mod fetch;
mod fs;
mod host;
mod raw;
mod web;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isolate_runtime::{
    Clock, Context, ContextOptions, Engine, Limits, Runtime, RuntimeOptions, TimersOptions, create_runtime,
    engine_by_name, setup_console, setup_core, setup_timers,
};
use raw::Raw;

const FIB: &str = include_str!("../workloads/fib.js");
const SORT: &str = include_str!("../workloads/sort_map_json.js");

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = args.iter().position(|a| a == "--engine") {
        args.drain(at..(at + 2).min(args.len()));
    }
    if args.first().is_some_and(|a| a == "--memory-child") {
        return println!("{}", memory_child(&args[1]));
    }
    // Host futures of contexts on this thread look for Tokio around them.
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = tokio.enter();
    if args.first().is_some_and(|a| a == "--web-child") {
        return pollster(web::child(&args[1]));
    }
    if args.first().is_some_and(|a| a == "--fetch-child") {
        return fetch::child(&args[1]);
    }
    if args.first().is_some_and(|a| a == "--fs-child") {
        return fs::child(&args[1], &args[2]);
    }
    if let Some(code) = host::main(&args) {
        std::process::exit(code);
    }
    let has = |flag: &str| args.iter().any(|a| a == flag);
    let mut sections = Vec::new();
    let only = |flag: &str| has(flag) || !["--only-web", "--only-fetch", "--only-fs"].into_iter().any(has);
    if only("--only-first") {
        let mut rows = measure();
        if !has("--no-peers") {
            match peers() {
                Ok(peers) => {
                    rows.iter_mut().for_each(|row| row.peer = row.peer_key.and_then(|key| peer_figure(&peers, key)))
                }
                Err(e) => eprintln!("isolated-vm was not measured: {e}"),
            }
        }
        sections.push(table(&rows));
    }
    if !has("--no-web") && only("--only-web") {
        sections.push(web::section());
    }
    if only("--only-fetch") {
        sections.push(fetch::section());
    }
    if only("--only-fs") {
        sections.push(fs::section());
    }
    let sections = sections.join("\n");
    println!("{sections}");
    if has("--write") {
        let file = if engine().name() == "v8" { "RESULTS-V8.md" } else { "RESULTS.md" };
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), results(&sections)).unwrap();
    }
}

/// The engine of Isolate that is measured: that of `--engine`, which child processes are given too, or the default one.
fn engine() -> Arc<dyn Engine> {
    let name = std::env::args().skip_while(|a| a != "--engine").nth(1);
    engine_by_name(name.as_deref().unwrap_or("quickjs")).unwrap_or_else(|e| {
        eprintln!("{e}");
        std::process::exit(2)
    })
}

/// One line of the table. Figures are in nanoseconds or bytes.
struct Row {
    name: &'static str,
    unit: Unit,
    ours: f64,
    raw: Option<f64>,
    peer: Option<f64>,
    peer_key: Option<&'static str>,
    target: &'static str,
}

#[derive(Clone, Copy)]
enum Unit {
    Time,
    Bytes,
    Ratio,
}

/// The medians of several functions that are sampled in turn, in nanoseconds for each of `per` repetitions.
fn together(samples: usize, per: f64, work: &mut [&mut dyn FnMut() -> Duration]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(samples); work.len()];
    for i in 0..samples + samples / 10 + 1 {
        for (f, times) in work.iter_mut().zip(&mut times) {
            let time = f();
            // The first tenth warms up.
            if i > samples / 10 {
                times.push(time.as_nanos() as f64 / per);
            }
        }
    }
    times
        .into_iter()
        .map(|mut t| {
            t.sort_by(f64::total_cmp);
            t[t.len() / 2]
        })
        .collect()
}

fn timed<R>(f: impl FnOnce() -> R) -> Duration {
    let start = Instant::now();
    std::hint::black_box(f());
    start.elapsed()
}

fn context() -> Context {
    let context = Context::new(&*engine(), ContextOptions::new().limits(Limits::new())).unwrap();
    setup_core(&context).unwrap();
    setup_console(&context, Default::default()).unwrap();
    setup_timers(&context, TimersOptions::default()).unwrap();
    context
}

async fn runtime() -> Runtime {
    create_runtime(RuntimeOptions::new().engine_arc(engine())).await.unwrap()
}

fn number(context: &Context, source: &str) -> f64 {
    context.evaluate(source, "bench.js").unwrap().as_f64().unwrap_or(f64::NAN)
}

fn say(what: &str) {
    eprintln!("measuring {what} …");
}

fn measure() -> Vec<Row> {
    let mut rows = Vec::new();
    say("cold start");
    // Ten in a row, since the samples take turns: what is measured is the work and not how long the system takes to
    // wake a thread that found nothing to do; that is the row after it.
    const ROW: usize = 10;
    let one = || {
        pollster(async {
            let rt = runtime().await;
            assert_eq!(rt.eval("1+1", ()).await.unwrap(), 2.into());
            rt.dispose().await;
        })
    };
    let times = together(
        100,
        ROW as f64,
        &mut [
            &mut || timed(|| (0..ROW).for_each(|_| one())),
            &mut || timed(|| (0..ROW).for_each(|_| assert_eq!(number(&context(), "1+1"), 2.0))),
            &mut || timed(|| (0..ROW).for_each(|_| assert_eq!(Raw::new().eval("1+1"), 2.0))),
            &mut || timed(|| (0..ROW).for_each(|_| drop(Raw::new()))),
        ],
    );
    rows.push(Row {
        name: "cold start: runtime with all APIs, eval, dispose",
        unit: Unit::Time,
        ours: times[0],
        raw: Some(times[3]),
        peer: None,
        peer_key: Some("cold_start"),
        target: "≤ 1.5 × raw runtime + context, ≥ 7 × faster than isolated-vm",
    });
    let pause = || std::thread::sleep(Duration::from_millis(2));
    let after = together(
        100,
        1.0,
        &mut [
            &mut || {
                pause();
                timed(one)
            },
            &mut || {
                pause();
                timed(|| drop(Raw::new()))
            },
        ],
    );
    rows.push(Row {
        name: "the same after a pause of 2 ms, its thread asleep",
        unit: Unit::Time,
        ours: after[0],
        raw: Some(after[1]),
        peer: None,
        peer_key: None,
        target: "",
    });
    rows.push(Row {
        name: "the same without a thread: context, eval, drop",
        unit: Unit::Time,
        ours: times[1],
        raw: Some(times[2]),
        peer: None,
        peer_key: Some("cold_start_bare"),
        target: "(raw evaluates too; isolated-vm: bare isolate + context)",
    });

    say("memory");
    let rss = |which: &str| -> f64 {
        let exe = std::env::current_exe().unwrap();
        let out = Command::new(exe).args(["--memory-child", which, "--engine", engine().name()]).output().unwrap();
        String::from_utf8_lossy(&out.stdout).trim().parse().unwrap_or(f64::NAN)
    };
    let each = rss("ours");
    rows.push(Row {
        name: "resident memory per live runtime (500 alive)",
        unit: Unit::Bytes,
        ours: each,
        raw: Some(rss("raw")),
        peer: None,
        peer_key: Some("memory_per_runtime"),
        target: "≤ 300 KiB",
    });
    rows.push(Row {
        name: "the same, isolated-vm with such APIs from npm (`peers/isolated-vm/bench.mjs` lists them)",
        unit: Unit::Bytes,
        ours: each,
        raw: None,
        peer: None,
        peer_key: Some("memory_with_apis"),
        target: "",
    });

    say("host calls");
    const CALLS: f64 = 200_000.0;
    let ours = context();
    ours.define_function("add", |a: f64, b: f64| a + b).unwrap();
    let raw = Raw::new();
    raw.define_add();
    let calls = "(() => { let s = 0; for (let i = 0; i < 200000; i++) s = add(s, 1); return s })()";
    let times = together(
        40,
        CALLS,
        &mut [&mut || timed(|| assert_eq!(number(&ours, calls), CALLS)), &mut || {
            timed(|| assert_eq!(raw.eval(calls), CALLS))
        }],
    );
    rows.push(Row {
        name: "sync host call with two numbers",
        unit: Unit::Time,
        ours: times[0],
        raw: Some(times[1]),
        peer: None,
        peer_key: Some("sync_call"),
        target: "≤ 130 ns, ≥ 8 × faster than isolated-vm",
    });

    ours.define_async_function("ready", |n: f64| async move { n + 1.0 }).unwrap();
    let awaits = "(async () => { let n = 0; for (let i = 0; i < 20000; i++) n = await ready(n); return n })()";
    let ours_ref = &ours;
    let mut ready = || {
        pollster(async {
            let start = Instant::now();
            assert_eq!(ours_ref.eval(awaits, ()).await.unwrap(), 20_000.into());
            start.elapsed()
        })
    };
    let times = together(30, 20_000.0, &mut [&mut ready]);
    rows.push(Row {
        name: "async host call, future ready at once, awaited",
        unit: Unit::Time,
        ours: times[0],
        raw: None,
        peer: None,
        peer_key: Some("async_call"),
        target: "≤ 3 µs, ≥ 20 × faster than applySyncPromise",
    });
    ours.define_async_function("later", |n: f64| async move {
        tokio::task::yield_now().await;
        n + 1.0
    })
    .unwrap();
    let many = "Promise.all(Array.from({ length: 1000 }, (_, i) => later(i))).then(a => a.length)";
    let mut in_flight = || {
        pollster(async {
            let start = Instant::now();
            assert_eq!(ours_ref.eval(many, ()).await.unwrap(), 1000.into());
            start.elapsed()
        })
    };
    let times = together(50, 1000.0, &mut [&mut in_flight]);
    rows.push(Row {
        name: "async host call, future that yields, 1,000 in flight",
        unit: Unit::Time,
        ours: times[0],
        raw: None,
        peer: None,
        peer_key: None,
        target: "",
    });

    say("guest code");
    for (name, source, peer_key, samples) in
        [("fib(30)", FIB, "fib30", 15), ("sort + Map + JSON of 300,000 numbers", SORT, "sort_map_json", 9)]
    {
        let expected = raw.eval(source);
        let times = together(
            samples,
            1.0,
            &mut [&mut || timed(|| assert_eq!(number(&ours, source), expected)), &mut || {
                timed(|| assert_eq!(raw.eval(source), expected))
            }],
        );
        rows.push(Row {
            name,
            unit: Unit::Time,
            ours: times[0],
            raw: Some(times[1]),
            peer: None,
            peer_key: Some(peer_key),
            target: "within 5 % of raw",
        });
    }

    say("timers");
    let timers = |n: u32| {
        let context =
            Context::new(&*engine(), ContextOptions::new().clock(Clock::Virtual).limits(Limits::unlimited())).unwrap();
        setup_core(&context).unwrap();
        setup_timers(&context, TimersOptions::default()).unwrap();
        let source = format!(
            "var fired = 0; {{ let x = 1; for (let i = 0; i < {n}; i++) {{
                x = (Math.imul(x, 1664525) + 1013904223) >>> 0; setTimeout(() => fired++, x % 100000) }} }} 0"
        );
        timed(|| {
            number(&context, &source);
            context.tick(Duration::from_secs(100)).unwrap();
            assert_eq!(number(&context, "fired"), f64::from(n));
        })
    };
    let times = together(5, 1.0, &mut [&mut || timers(10_000), &mut || timers(100_000), &mut || timers(1_000_000)]);
    rows.push(Row {
        name: "100,000 timers scheduled and ticked",
        unit: Unit::Time,
        ours: times[1],
        raw: None,
        peer: None,
        peer_key: Some("timers_100k"),
        target: "(isolated-vm: 4,000 timers, quadratic)",
    });
    rows.push(Row {
        name: "timers: 100,000 beside 10,000",
        unit: Unit::Ratio,
        ours: times[1] / times[0],
        raw: None,
        peer: None,
        peer_key: None,
        target: "≤ 14 ×",
    });
    rows.push(Row {
        name: "timers: 1,000,000 beside 100,000",
        unit: Unit::Ratio,
        ours: times[2] / times[1],
        raw: None,
        peer: None,
        peer_key: None,
        target: "≤ 14 ×",
    });
    rows
}

/// Polls a future on this thread, parking in between.
fn pollster<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::task::Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        std::thread::park();
    }
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1024.0
}

/// Resident bytes per live runtime, measured in a process of its own.
fn memory_child(which: &str) -> f64 {
    const ALIVE: usize = 500;
    pollster(async {
        if which == "raw" {
            let _first = Raw::new();
            let before = resident();
            let all: Vec<_> = (0..ALIVE).map(|_| Raw::new()).collect();
            all.iter().for_each(|r| assert_eq!(r.eval("1+1"), 2.0));
            (resident() - before) / ALIVE as f64
        } else {
            let first = runtime().await;
            first.eval("1+1", ()).await.unwrap();
            let before = resident();
            let mut all = Vec::new();
            for _ in 0..ALIVE {
                let rt = runtime().await;
                assert_eq!(rt.eval("1+1", ()).await.unwrap(), 2.into());
                all.push(rt);
            }
            (resident() - before) / ALIVE as f64
        }
    })
}

fn peers() -> Result<serde_json::Value, String> {
    say("isolated-vm");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/run.sh");
    let out =
        Command::new("bash").arg(script).stderr(std::process::Stdio::inherit()).output().map_err(|e| e.to_string())?;
    if !out.status.success() {
        return Err(format!("its script ended with {}", out.status));
    }
    serde_json::from_slice(&out.stdout).map_err(|e| e.to_string())
}

fn peer_figure(peers: &serde_json::Value, key: &str) -> Option<f64> {
    let figure = &peers["results"][key];
    figure["p50"].as_f64().or_else(|| figure["per_runtime"].as_f64())
}

fn shown(unit: Unit, n: f64) -> String {
    match unit {
        Unit::Ratio => format!("{n:.1} ×"),
        Unit::Bytes => format!("{:.0} KiB", n / 1024.0),
        Unit::Time if n < 1e3 => format!("{n:.0} ns"),
        Unit::Time if n < 1e6 => format!("{:.2} µs", n / 1e3),
        Unit::Time => format!("{:.2} ms", n / 1e6),
    }
}

/// What V8 is held to, by the key of the peer's figure; QuickJS has its targets in the rows.
fn v8_target(peer_key: Option<&str>) -> &'static str {
    match peer_key {
        Some("cold_start") => "no longer than isolated-vm's bare isolate + context",
        Some("cold_start_bare") => "no longer than isolated-vm's bare isolate + context, below",
        Some("memory_per_runtime") => "(isolated-vm: none of the APIs)",
        Some("memory_with_apis") => "≤ isolated-vm",
        Some("sync_call") => "≥ 8 × faster than isolated-vm",
        Some("fib30" | "sort_map_json") => "within 5 % of the same V8 elsewhere; see the kernels below",
        _ => "",
    }
}

fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| what | Isolate | raw quickjs-ng | ours / raw | isolated-vm 5 | isolated-vm / ours | target |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for row in rows {
        let show = |n: Option<f64>| n.map(|n| shown(row.unit, n)).unwrap_or_default();
        let ratio = |n: Option<f64>| n.map(|n| format!("{n:.2}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            shown(row.unit, row.ours),
            show(row.raw),
            ratio(row.raw.map(|r| row.ours / r)),
            show(row.peer),
            ratio(row.peer.map(|p| p / row.ours)),
            if engine().name() == "v8" { v8_target(row.peer_key) } else { row.target },
        );
    }
    out
}

fn results(sections: &str) -> String {
    let run = |command: &str, args: &[&str]| {
        let out = Command::new(command).args(args).output().map(|o| o.stdout).unwrap_or_default();
        String::from_utf8_lossy(&out).trim().to_owned()
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|l| l.strip_prefix("model name")).unwrap_or("").trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let how = match engine().name() {
        "v8" => "--features v8 -- --engine v8 --write",
        _ => "-- --write",
    };
    format!(
        "# Results\n\nMade by `cargo run --release -p isolate-bench {how}` on {}, {cpu}, {cores} cores, {}, Node {}.\n\
         Medians of one run; the machine is shared, so read the ratios.\n\n{sections}",
        run("date", &["-u", "+%Y-%m-%d"]),
        run("rustc", &["--version"]),
        run("node", &["--version"]),
    )
}
