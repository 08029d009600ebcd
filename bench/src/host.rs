//! Many runtimes: how much memory each takes, how fast one is had, and whether making and ending them leaves anything behind.
//!
//! ```text
//! cargo run --release -p isolate-bench -- many [10000]      so many alive at once, each of which has answered a call
//! cargo run --release -p isolate-bench -- soak [1000000]    made, asked and disposed of, one after another
//! cargo run --release -p isolate-bench -- modules [1000]    a graph of modules beside their concatenation
//! ```
//!
//! These are commands and not rows of a table: the first two take minutes. Each prints what it asks for and exits with 1 if
//! that was not met.

use std::time::{Duration, Instant};

use isolate_runtime::{
    EvalOptions, FileModules, Host, HostOptions, Limits, RuntimeOptions, VirtualFiles, create_runtime,
};

use crate::engine;

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn threads() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|l| l.strip_prefix("Threads:")).unwrap_or("?").trim().to_owned()
}

fn sorted(mut times: Vec<Duration>) -> (Duration, Duration, Duration) {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    (at(0.5), at(0.99), at(1.0))
}

fn options() -> HostOptions {
    HostOptions::new(|_| RuntimeOptions::new().engine_arc(engine()))
}

/// The first number among the arguments.
fn number(args: &[String], default: usize) -> usize {
    args.iter().find_map(|a| a.parse().ok()).unwrap_or(default)
}

pub(crate) fn main(args: &[String]) -> Option<i32> {
    let tokio = tokio::runtime::Handle::current();
    let good = match args.first()?.as_str() {
        "many" => tokio.block_on(many(number(args, 10_000))),
        "soak" => tokio.block_on(soak(number(args, 1_000_000))),
        "modules" => tokio.block_on(modules(number(args, 1_000))),
        _ => return None,
    };
    Some(if good { 0 } else { 1 })
}

async fn many(count: usize) -> bool {
    const MOST_KIB: u64 = 400;
    const MOST_ACQUIRE: Duration = Duration::from_micros(50);
    let host = Host::new(options().max_runtimes(count + 1000).spares(0)).unwrap();
    // What is made once per process is not counted.
    host.acquire().await.unwrap().eval("1", ()).await.unwrap();
    let (before, start) = (resident(), Instant::now());
    let mut guests = Vec::with_capacity(count);
    for i in 0..count {
        let guest = host.acquire().await.unwrap();
        let source = format!("globalThis.n = {i}; new URL('http://example.com/?n=' + n).searchParams.get('n')");
        assert_eq!(guest.eval_as::<String>(source, ()).await.unwrap(), i.to_string());
        guests.push(guest);
    }
    let each = resident().saturating_sub(before) / count as u64;
    println!(
        "{count} runtimes alive, each has answered a call: {each} KiB each (at most {MOST_KIB}), {} threads, made in {:.1?}",
        threads(),
        start.elapsed()
    );
    let mut times = Vec::with_capacity(count);
    for (i, guest) in guests.iter().enumerate() {
        let start = Instant::now();
        assert_eq!(guest.eval_as::<f64>("n", ()).await.unwrap(), i as f64);
        times.push(start.elapsed());
    }
    let (median, nearly, most) = sorted(times);
    println!("a call of each once more: {median:.1?} in the median, {nearly:.1?} at 99 %, {most:.1?} at most");
    let metrics = host.metrics();
    println!("the host counts {} runtimes and {} MiB", metrics.runtimes, metrics.memory >> 20);
    drop(guests);
    host.close(Duration::from_secs(60)).await;

    const ROUNDS: usize = 500;
    let host = Host::new(options().spares(8)).unwrap();
    let (mut acquired, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        while host.metrics().spares < 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let start = Instant::now();
        let guest = host.acquire().await.unwrap();
        acquired.push(start.elapsed());
        assert_eq!(guest.eval_as::<f64>("6 * 7", ()).await.unwrap(), 42.0);
        answered.push(start.elapsed());
    }
    let (acquire, nearly, most) = sorted(acquired);
    println!(
        "a warm runtime: had in {acquire:.1?} in the median (at most {MOST_ACQUIRE:?}), {nearly:.1?} at 99 %, {most:.1?} at most"
    );
    let (median, nearly, _) = sorted(answered);
    println!("with the answer to its first call: {median:.1?} in the median, {nearly:.1?} at 99 %");
    host.close(Duration::from_secs(60)).await;
    each <= MOST_KIB && acquire <= MOST_ACQUIRE
}

async fn soak(cycles: usize) -> bool {
    /// After so many it must not grow.
    const WARM: usize = 10_000;
    const PART: f64 = 0.05;
    let start = Instant::now();
    let (mut base, mut least, mut most) = (0, u64::MAX, 0);
    for i in 0..cycles {
        let runtime = create_runtime(RuntimeOptions::new().engine_arc(engine())).await.unwrap();
        let sum = runtime.eval_as::<f64>(format!("[1, 2, {i}].reduce((a, b) => a + b)"), ()).await.unwrap();
        assert_eq!(sum, (3 + i) as f64);
        runtime.dispose().await;
        if i + 1 == WARM.min(cycles / 10) {
            base = resident();
            println!("{:>9} cycles: {base} KiB resident", i + 1);
        }
        if base > 0 && i % 1000 == 0 {
            let now = resident();
            (least, most) = (least.min(now), most.max(now));
        }
        if base > 0 && (i + 1) % (cycles / 10).max(1) == 0 {
            println!("{:>9} cycles: {} KiB resident, {:.0?}", i + 1, resident(), start.elapsed());
        }
    }
    let grown = most as f64 / base as f64 - 1.0;
    println!(
        "{cycles} cycles of create, eval and dispose in {:.0?}, {:.0?} each; resident memory after the first {}: between {least} and \
         {most} KiB, at most {:+.1} % of {base} (at most {:+.0} %)",
        start.elapsed(),
        start.elapsed() / u32::try_from(cycles).unwrap_or(u32::MAX),
        WARM.min(cycles / 10),
        grown * 100.0,
        PART * 100.0
    );
    grown <= PART
}

async fn modules(count: usize) -> bool {
    const MOST: f64 = 2.0;
    const SAMPLES: usize = 11;
    // Each imports its two children in a binary tree, and has a function of some lines.
    let body = |i: usize| {
        format!(
            "export function f{i}(x) {{\n  let sum = {i};\n  for (const n of [1, 2, 3]) sum += n * x;\n  if (sum > 1e6) throw new RangeError('large');\n  return sum;\n}}\nexport const n{i} = f{i}({i}) + 1;\n"
        )
    };
    let mut files = VirtualFiles::new();
    let mut all = String::new();
    for i in (0..count).rev() {
        let mut source = String::new();
        for child in [2 * i + 1, 2 * i + 2].into_iter().filter(|c| *c < count) {
            source += &format!("import {{ n{child} }} from './m{child}.js';\n");
        }
        source += &body(i);
        all += &body(i);
        files = files.file(&format!("/m{i}.js"), source);
    }
    let limits = Limits::new().wall_time(Duration::from_secs(600));
    let (mut graph, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        for (times, source, name) in
            [(&mut graph, "import './m0.js';", "main.js"), (&mut whole, all.as_str(), "whole.js")]
        {
            let options = RuntimeOptions::new()
                .engine_arc(engine())
                .limits(limits.clone())
                .modules(FileModules::new(files.clone()));
            let runtime = create_runtime(options).await.unwrap();
            let start = Instant::now();
            runtime.eval(source, EvalOptions::new().filename(name).module()).await.unwrap();
            times.push(start.elapsed());
            runtime.dispose().await;
        }
    }
    let ((graph, ..), (whole, ..)) = (sorted(graph), sorted(whole));
    let ratio = graph.as_secs_f64() / whole.as_secs_f64();
    println!(
        "a graph of {count} modules: {graph:.1?}; their concatenation: {whole:.1?}; {ratio:.2} times (at most {MOST})"
    );
    ratio <= MOST
}
