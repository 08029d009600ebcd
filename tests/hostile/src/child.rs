//! One script in this process: what the parent starts for each run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use isolate_runtime::http::{Request, Response};
use isolate_runtime::{
    Body, Clock, ConsoleOptions, Engine, Error, ErrorKind, EvalOptions, FetchError, FetchOptions, Limits, Message,
    Runtime, RuntimeOptions, Termination, WebSocketConnection, create_runtime, engine_by_name,
};

use crate::files::{Disk, files};
use crate::{DEADLINE, Kind, MEMORY, Outcome, deadline, micros};

/// How long the event loop may go on after an evaluation that gave a value.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Runs a script on an engine, and looks whether the host is still usable afterwards.
///
/// # Errors
/// If there is no such engine or script.
pub fn run(engine: &str, script: &Path) -> Result<Outcome, String> {
    let engine = engine_by_name(engine).map_err(|e| e.to_string())?;
    let source = std::fs::read_to_string(script).map_err(|e| format!("{}: {e}", script.display()))?;
    let filename = script.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|e| e.to_string())?;
    let disk = Disk::new()?;
    tokio.block_on(run_script(engine, source, filename, &disk))
}

fn options(engine: &Arc<dyn Engine>, deadline: Duration, disk: &Disk) -> Result<RuntimeOptions, String> {
    // `wall_time` is for what runs after the evaluation, such as timers that it left behind.
    let limits = Limits::new().memory(MEMORY).wall_time(deadline);
    let fetch = FetchOptions::new().on_fetch(answer).web_socket(connect);
    let options = RuntimeOptions::new().engine_arc(engine.clone()).limits(limits).clock(Clock::Real);
    Ok(options.fetch(fetch).fs(files(Some(disk))?))
}

/// A host that answers what the scripts ask of it.
pub(crate) async fn answer(request: Request<Body>) -> Result<Response<Body>, FetchError> {
    match request.uri().path() {
        "/echo" => Ok(Response::new(request.into_body().read_all(8 << 20).await?.into())),
        "/endless" => {
            let chunks = stream::repeat_with(|| Ok::<_, FetchError>(Bytes::from(vec![b'x'; 64 << 10])));
            Ok(Response::new(Body::from_stream(chunks)))
        }
        "/breaks" => {
            let chunks = [Ok(Bytes::from_static(b"some")), Err(FetchError::from("broke in the middle"))];
            Ok(Response::new(Body::from_stream(stream::iter(chunks))))
        }
        "/panics" => panic!("as told"),
        _ => std::future::pending().await,
    }
}

/// A peer that sends back what comes, or takes nothing.
pub(crate) async fn connect(request: Request<()>) -> Result<WebSocketConnection, FetchError> {
    let (to_guest, incoming) = futures_channel::mpsc::unbounded::<Result<Message, FetchError>>();
    let silent = request.uri().path() == "/silent";
    let outgoing = futures_util::sink::unfold(to_guest, move |to_guest, message: Message| async move {
        if silent {
            std::future::pending::<()>().await;
        }
        let _ = to_guest.unbounded_send(Ok(message));
        Ok::<_, FetchError>(to_guest)
    });
    Ok(WebSocketConnection::new(incoming, outgoing))
}

async fn run_script(engine: Arc<dyn Engine>, source: String, filename: String, disk: &Disk) -> Result<Outcome, String> {
    let uncaught = Arc::new(AtomicUsize::new(0));
    let counter = uncaught.clone();
    let deadline = deadline(&source);
    let options =
        options(&engine, deadline, disk)?.console(ConsoleOptions::new().on_event(|_| {})).on_uncaught(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
    let runtime = create_runtime(options).await.map_err(|e| format!("no runtime: {e}"))?;
    let rss_before_kib = status("VmRSS:");
    let start = Instant::now();
    let result = runtime.eval(source, EvalOptions::new().filename(filename).deadline(deadline)).await;
    let elapsed = start.elapsed();
    let in_eval = result.is_err();
    let (mut kind, mut detail) = match &result {
        Ok(_) => (Kind::Ok, String::new()),
        Err(e) => classify(e),
    };
    drop(result);
    if kind == Kind::Ok {
        // Timers that come again and again are still there when the time is up, and nothing is wrong with that.
        if let Ok(Err(e)) = tokio::time::timeout(AFTERWARDS, runtime.run_until_idle()).await {
            (kind, detail) = classify(&e);
        }
    }
    if kind == Kind::Ok && uncaught.load(Ordering::Relaxed) > 0 {
        (kind, detail) = (Kind::Error, "left an error that nothing took".into());
    }
    let rss_peak_kib = status("VmHWM:");
    if let Err(what) = still_usable(&engine, disk, &runtime).await {
        detail = format!("ended as {kind}, then {what}; {detail}");
        kind = Kind::Broken;
    }
    let past = |d: Duration| i64::try_from(micros(d)).unwrap_or(i64::MAX) - deadline.as_micros() as i64;
    Ok(Outcome {
        kind,
        detail,
        deadline_us: micros(deadline),
        elapsed_us: micros(elapsed),
        overshoot_us: (kind == Kind::Deadline && in_eval).then(|| past(elapsed)),
        rss_before_kib,
        rss_peak_kib,
    })
}

fn classify(e: &Error) -> (Kind, String) {
    let kind = match e.kind() {
        ErrorKind::Threw | ErrorKind::Conversion => Kind::Error,
        ErrorKind::Terminated(Termination::Deadline) => Kind::Deadline,
        ErrorKind::Terminated(Termination::Memory) => Kind::Memory,
        _ => Kind::Wrong,
    };
    let detail = match e.exception() {
        Some(exception) => exception.to_string(),
        None if kind == Kind::Wrong => format!("{:?}: {e}", e.kind()),
        None => String::new(),
    };
    // It is shown on terminals, and the guest wrote it.
    let harmless = |c: char| if matches!(c, '\'' | '"') { vec![c] } else { c.escape_debug().collect() };
    (kind, detail.chars().take(200).flat_map(harmless).collect())
}

/// What a host does next: another runtime works, this one answers as it must, and both can be disposed of.
async fn still_usable(engine: &Arc<dyn Engine>, disk: &Disk, runtime: &Runtime) -> Result<(), String> {
    let other = create_runtime(options(engine, DEADLINE, disk)?)
        .await
        .map_err(|e| format!("no second runtime could be made: {e}"))?;
    match other.eval_as::<u8>("1 + 1", ()).await {
        Ok(2) => {}
        other => return Err(format!("a second runtime answered {other:?}")),
    }
    let stopped = runtime.stopped();
    match (stopped, runtime.eval_as::<u8>("1 + 1", EvalOptions::new().deadline(DEADLINE)).await) {
        (None, Ok(2)) => {}
        (Some(t), Err(e)) if e.terminated() == Some(t) => {}
        // Work that it left behind used up the time of this evaluation.
        (None, Err(e)) if e.terminated().is_some() => {}
        (_, answer) => return Err(format!("the runtime, stopped by {stopped:?}, answered {answer:?}")),
    }
    for runtime in [runtime, &other] {
        runtime.dispose().await;
        match runtime.eval("1", ()).await {
            Err(e) if e.kind() == ErrorKind::Disposed => {}
            answer => return Err(format!("a runtime that was disposed of answered {answer:?}")),
        }
    }
    Ok(())
}

/// A figure of `/proc/self/status` in KiB, where there is one.
fn status(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let rest = status.lines().find_map(|line| line.strip_prefix(field))?;
    rest.split_whitespace().next()?.parse().ok()
}
