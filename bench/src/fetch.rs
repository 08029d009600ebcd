//! `fetch` and forms through the boundary, each in a process of its own so that its peak of memory can be told.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use isolate_runtime::http::{Request, Response};
use isolate_runtime::{
    Body, Clock, Context, ContextOptions, FetchError, FetchLimits, FetchOptions, Limits, setup_core, setup_fetch,
};

use crate::{pollster, resident, say};

const GIB: u64 = 1 << 30;
const CHUNK: usize = 64 << 10;
const JSON: &str = r#"{"id":17,"name":"a small thing","tags":["a","b"],"ok":true}"#;

/// What a child process says: time for each repetition in nanoseconds, and how much memory grew at the most.
struct Figure {
    time: f64,
    grown: f64,
}

fn context(options: FetchOptions) -> Context {
    let limits = Limits::new().wall_time(None).memory(1usize << 30);
    let context = Context::new(&*crate::engine(), ContextOptions::new().limits(limits).clock(Clock::Real)).unwrap();
    setup_core(&context).unwrap();
    let limits = FetchLimits::new().request_body(1u64 << 40).response_body(1u64 << 40);
    setup_fetch(&context, options.limits(limits)).unwrap();
    context
}

/// The best of some runs of a script that does something `per` times.
fn best(context: &Context, script: &str, runs: usize, per: f64) -> Figure {
    let once = || {
        let start = Instant::now();
        pollster(context.eval(script, "bench.js")).unwrap();
        start.elapsed()
    };
    let before = resident();
    let peak = Peak::watch();
    once();
    let time = (0..runs).map(|_| once()).min().unwrap_or_default();
    Figure { time: time.as_nanos() as f64 / per, grown: (peak.end() - before).max(0.0) }
}

/// Looks at how much memory is resident, every millisecond.
struct Peak(Arc<AtomicU64>, std::thread::JoinHandle<()>, Arc<AtomicU64>);

impl Peak {
    fn watch() -> Self {
        let (most, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (m, s) = (most.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while s.load(Ordering::Relaxed) == 0 {
                m.fetch_max(resident() as u64, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self(most, thread, stop)
    }

    fn end(self) -> f64 {
        self.2.store(1, Ordering::Relaxed);
        let _ = self.1.join();
        self.0.load(Ordering::Relaxed) as f64
    }
}

fn form(boundary: &str) -> Vec<Bytes> {
    let mut all = Vec::new();
    for i in 0..100 {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"f{i}\"; filename=\"{i}.bin\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        all.push(Bytes::from(head));
        let part: Vec<u8> = (0..1usize << 20).map(|j| (i + j * 7) as u8).collect();
        let part = Bytes::from(part);
        all.extend((0..16).map(|j| part.slice(j * CHUNK..(j + 1) * CHUNK)));
        all.push(Bytes::from_static(b"\r\n"));
    }
    all.push(Bytes::from(format!("--{boundary}--\r\n")));
    all
}

fn chunks(all: &[Bytes]) -> impl stream::Stream<Item = Result<Bytes, FetchError>> + Send + use<> {
    let mut all: VecDeque<Bytes> = all.to_vec().into();
    stream::poll_fn(move |_| std::task::Poll::Ready(all.pop_front().map(Ok)))
}

/// One measurement, in this process. Prints two numbers.
pub fn child(which: &str) {
    const CALLS: f64 = 20_000.0;
    let figure = match which {
        "get" => {
            let ctx = context(FetchOptions::new().on_fetch(|_| async { Response::new(JSON) }));
            let code = "(async () => { for (let i = 0; i < 20000; i++) {
                const r = await fetch('https://api.example.com/things/17');
                if ((await r.json()).id !== 17) throw new Error('wrong');
            } })()";
            best(&ctx, code, 5, CALLS)
        }
        "post" => {
            let echo = |request: Request<Body>| async move {
                let body = request.into_body().read_all(1 << 20).await?;
                Ok::<_, FetchError>(Response::builder().header("content-type", "application/json").body(body)?)
            };
            let ctx = context(FetchOptions::new().on_fetch(echo));
            let code = "(async () => { const thing = { id: 17, name: 'a small thing', tags: ['a', 'b'], ok: true };
                for (let i = 0; i < 20000; i++) {
                const r = await fetch('https://api.example.com/things', { method: 'POST', body: JSON.stringify(thing),
                    headers: { 'content-type': 'application/json', accept: 'application/json' } });
                if ((await r.json()).id !== 17) throw new Error('wrong');
            } })()";
            best(&ctx, code, 5, CALLS)
        }
        "down" => {
            let chunk = Bytes::from(vec![7; CHUNK]);
            let ctx = context(FetchOptions::new().on_fetch(move |_| {
                let chunk = chunk.clone();
                async move {
                    // A copy each time, as a socket gives.
                    let chunks = stream::repeat_with(move || Ok::<_, FetchError>(Bytes::copy_from_slice(&chunk)));
                    Response::new(Body::from_stream(chunks.take((GIB / CHUNK as u64) as usize)))
                }
            }));
            let code = "(async () => { let n = 0;
                for await (const chunk of (await fetch('http://h/')).body) n += chunk.length;
                if (n !== 2 ** 30) throw new Error(n); })()";
            best(&ctx, code, 3, 1.0)
        }
        "up" => {
            let ctx = context(FetchOptions::new().on_fetch(|request: Request<Body>| async move {
                let mut body = request.into_body();
                let mut n = 0;
                while let Some(chunk) = body.next().await {
                    n += chunk?.len() as u64;
                }
                Ok::<_, FetchError>(Response::new(n.to_string()))
            }));
            let code = "(async () => { let left = 2 ** 30 / 65536;
                const body = new ReadableStream({ pull(c) { if (left-- > 0) c.enqueue(new Uint8Array(65536)); else c.close(); } });
                const r = await fetch('http://h/', { method: 'POST', body, duplex: 'half' });
                if (await r.text() !== '1073741824') throw new Error('wrong'); })()";
            best(&ctx, code, 3, 1.0)
        }
        "form" => {
            let all = form("BOUNDARY");
            let ctx = context(FetchOptions::new().on_fetch(move |_| {
                let body = Body::from_stream(chunks(&all));
                async move {
                    Response::builder().header("content-type", "multipart/form-data; boundary=BOUNDARY").body(body)
                }
            }));
            let code = "(async () => { const form = await (await fetch('http://h/')).formData();
                let n = 0; for (const [, file] of form) n += file.size;
                if (n !== 100 * 2 ** 20) throw new Error(n); })()";
            best(&ctx, code, 5, 1.0)
        }
        _ => {
            let all = form("BOUNDARY");
            let total = Mutex::new(0);
            let once = || {
                let start = Instant::now();
                pollster(async {
                    let mut form = multer::Multipart::new(chunks(&all), "BOUNDARY");
                    let mut files = Vec::new();
                    while let Some(field) = form.next_field().await.unwrap() {
                        files.push(field.bytes().await.unwrap());
                    }
                    *total.lock().unwrap() = files.iter().map(Bytes::len).sum::<usize>();
                });
                start.elapsed()
            };
            once();
            let time = (0..5).map(|_| once()).min().unwrap_or_default();
            assert_eq!(*total.lock().unwrap(), 100 << 20);
            Figure { time: time.as_nanos() as f64, grown: 0.0 }
        }
    };
    println!("{} {}", figure.time, figure.grown);
}

fn measure(which: &str) -> Figure {
    let exe = std::env::current_exe().unwrap();
    let out = Command::new(exe).args(["--fetch-child", which, "--engine", crate::engine().name()]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let mut numbers = text.split_whitespace().map(|n| n.parse().unwrap_or(f64::NAN));
    Figure { time: numbers.next().unwrap_or(f64::NAN), grown: numbers.next().unwrap_or(f64::NAN) }
}

/// Measures, and gives the section for the page of results.
pub fn section() -> String {
    say("fetch");
    let [get, post, down, up, form, alone] = ["get", "post", "down", "up", "form", "multer"].map(measure);
    let mut out = String::from(
        "## fetch\n\nThrough a handler of the host that is ready at once; the best of some runs, each in a process of its own.\n\n\
         | what | figure | target |\n| --- | ---: | --- |\n",
    );
    let mib = |bytes: f64| format!("{:.1} MiB", bytes / f64::from(1 << 20));
    let speed = |f: &Figure| format!("{:.2} GiB/s", 1e9 / f.time);
    let rows = [
        ("fetch and `json()` of 60 bytes, round trip", format!("{:.1} µs", get.time / 1e3), "≤ 30 µs"),
        ("the same, posted as JSON with two headers and echoed", format!("{:.1} µs", post.time / 1e3), "≤ 30 µs"),
        ("1 GiB down, in chunks of 64 KiB", speed(&down), "≥ 1 GiB/s"),
        ("the same: memory that grew meanwhile, at the most", mib(down.grown), "≤ 8 MiB"),
        ("1 GiB up, a new chunk of 64 KiB each time", speed(&up), "≥ 1 GiB/s"),
        ("the same: memory that grew meanwhile, at the most", mib(up.grown), "≤ 8 MiB"),
        ("`formData()` of 100 MiB in 100 files", format!("{:.0} ms", form.time / 1e6), ""),
        ("the parser alone", format!("{:.0} ms", alone.time / 1e6), ""),
        ("ratio", format!("{:.2} ×", form.time / alone.time), "≤ 2 ×"),
    ];
    for (name, figure, target) in rows {
        let _ = writeln!(out, "| {name} | {figure} | {target} |");
    }
    out
}
