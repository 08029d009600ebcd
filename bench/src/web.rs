//! The web platform beside Node and Deno: `workloads/web/*.js`, the same text in one process of each engine.
//!
//! Every file does its work once to warm up and then several times, and prints its best and its median. The engines
//! take turns for some rounds; a figure is the median of its rounds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use isolate_runtime::{Clock, ConsoleOptions, EvalOptions, Limits, RuntimeOptions, create_runtime};

const ROUNDS: usize = 3;
const RUN: &str = include_str!("../workloads/web/run.js");

struct Workload {
    name: &'static str,
    source: &'static str,
    /// Key in the file's results, name, and how many times Node's time is wanted at most.
    rows: &'static [(&'static str, &'static str, Option<f64>)],
}

const URL: &str = "url";
const COMPUTE: &str = "compute";
const WORKLOADS: &[Workload] = &[
    Workload {
        name: COMPUTE,
        source: include_str!("../workloads/web/compute.js"),
        rows: &[
            ("calls", "kernel: recursive calls", None),
            ("bodies", "kernel: bodies in motion, floats", None),
            ("matrices", "kernel: product of matrices, typed arrays", None),
            ("sorting", "kernel: sort 30,000 objects by a comparator", None),
            ("tokens", "kernel: build a text, and take it apart by a regular expression", None),
            ("counting", "kernel: count in a Map and a Set", None),
            ("documents", "kernel: JSON there and back", None),
            ("hashes", "kernel: hash rounds in 32-bit integers", None),
        ],
    },
    Workload {
        name: URL,
        source: include_str!("../workloads/web/url.js"),
        rows: &[
            ("all", "parse 100,000 URLs of urltestdata.json, a third of which throw", Some(1.0)),
            ("valid", "the same, valid ones only", Some(1.0)),
            ("absolute", "the same, valid ones without a base only", None),
            ("components", "those, and read protocol, host, pathname, search", None),
            ("searchParams", "URLSearchParams of three pairs and back, 20,000 times", None),
        ],
    },
    Workload {
        name: "text",
        source: include_str!("../workloads/web/text.js"),
        rows: &[
            ("decodeAscii", "decode 64 MiB of UTF-8, ASCII", Some(1.0)),
            ("decodeMixed", "decode 64 MiB of UTF-8, mixed", Some(1.0)),
            ("encodeAscii", "encode 64 MiB of UTF-8, ASCII", Some(1.0)),
            ("encodeMixed", "encode 64 MiB of UTF-8, mixed", Some(1.0)),
        ],
    },
    Workload {
        name: "pipe",
        source: include_str!("../workloads/web/pipe.js"),
        rows: &[
            ("same", "pipe 1 GiB in 64 KiB chunks through two TransformStreams, always the same chunk", Some(3.0)),
            ("fresh", "the same, a new chunk each time", Some(3.0)),
        ],
    },
    Workload {
        name: "blob",
        source: include_str!("../workloads/web/blob.js"),
        rows: &[
            ("make", "Blob of 256 MiB: make it of 16 parts", Some(1.0)),
            ("slices", "Blob of 256 MiB: slice and read it by the MiB", Some(1.0)),
            ("whole", "Blob of 256 MiB: read it whole", Some(1.0)),
            ("stream", "Blob of 256 MiB: read it as a stream", None),
        ],
    },
    Workload {
        name: "clone",
        source: include_str!("../workloads/web/clone.js"),
        rows: &[
            ("clone", "structuredClone of a tree of 5 MB of JSON", Some(3.0)),
            ("json", "the same tree by JSON.stringify and JSON.parse", None),
        ],
    },
    Workload {
        name: "crypto",
        source: include_str!("../workloads/web/crypto.js"),
        rows: &[
            ("digest", "SHA-256 of 64 MiB", Some(1.0)),
            ("seal", "AES-GCM of 64 MiB", Some(1.0)),
            ("sign", "1,000 signatures, ECDSA P-256, one after another", Some(1.0)),
            ("signAtOnce", "the same, all asked for at once", Some(1.0)),
            ("random", "10,000 getRandomValues of 16 bytes", Some(1.0)),
            ("uuid", "10,000 randomUUID", Some(1.0)),
            ("digests", "SHA-256 of 64 bytes, 5,000 times", None),
            ("macs", "HMAC of 64 bytes, 5,000 times", None),
            ("derive", "PBKDF2 of 100,000 rounds", None),
        ],
    },
];

/// The engines, ours first.
const ENGINES: [&str; 3] = ["Isolate", "Node", "Deno"];

/// The figures of one row by one engine, one for each round, in milliseconds.
#[derive(Default, Clone)]
struct Figures {
    medians: Vec<f64>,
    best: Option<f64>,
    check: Option<f64>,
    error: Option<String>,
}

impl Figures {
    fn add(&mut self, result: &serde_json::Value) {
        match (result["median"].as_f64(), result["best"].as_f64()) {
            (_, Some(best)) if best <= 0.0 => self.error = Some("its clock stood still".to_owned()),
            (Some(median), Some(best)) => {
                self.medians.push(median);
                self.best = Some(self.best.map_or(best, |b| b.min(best)));
                self.check = result["check"].as_f64();
            }
            _ => self.error = Some(result["error"].as_str().unwrap_or("no result").to_owned()),
        }
    }

    fn median(&self) -> Option<f64> {
        let mut all = self.medians.clone();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    }
}

/// Measures, and gives the section for the page of results.
pub fn section() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let work = root.join("target/bench-web");
    std::fs::create_dir_all(&work).unwrap();
    let mut notes = Vec::new();
    let mut commands: [Option<Command>; 3] = [None, None, None];
    let mut ours = Command::new(std::env::current_exe().unwrap());
    ours.args(["--engine", crate::engine().name(), "--web-child"]);
    commands[0] = Some(ours);
    let node = version(Path::new("node"));
    match &node {
        Some(_) => commands[1] = Some(Command::new("node")),
        None => notes.push("Node was not measured: there is no `node` on the PATH.".to_owned()),
    }
    let mut deno_version = None;
    match deno() {
        Ok(deno) => {
            deno_version = version(&deno);
            let mut command = Command::new(deno);
            command.args(["run", "-q", "--no-prompt"]).env("DENO_DIR", work.join("deno"));
            commands[2] = Some(command);
        }
        Err(e) => notes.push(format!("Deno was not measured: {e}.")),
    }

    let mut lines = String::new();
    for workload in WORKLOADS {
        let mut source = String::new();
        if workload.name == URL {
            let wpt = std::env::var_os("WPT").map_or_else(|| root.join("target/wpt"), PathBuf::from);
            match std::fs::read_to_string(wpt.join("url/resources/urltestdata.json")) {
                Ok(data) => {
                    let _ = writeln!(source, "const urltestdata = {data};");
                }
                Err(_) => {
                    let note = "URLs were not measured: the web platform tests are not there. \
                                `bash tests/wpt/fetch.sh` fetches them; `WPT` says where else they are.";
                    notes.push(note.to_owned());
                    continue;
                }
            }
        }
        source += RUN;
        source += workload.source;
        let file = work.join(format!("{}.js", workload.name));
        std::fs::write(&file, source).unwrap();
        measure(workload, &file, &commands, &mut lines, &mut notes);
    }

    for note in &notes {
        eprintln!("{note}");
    }
    let mut out = format!(
        "## The web platform, beside Node and Deno\n\n\
         The files `workloads/web/*.js` in one process each, warm: Isolate, Node {}, Deno {} in turn, {ROUNDS} rounds.\n\
         Figures are medians of the rounds' medians. The last column but one compares the best times instead.\n\
         Rows without a target are there to see where the time goes.\n\n\
         | what | Isolate | Node | Deno | ours / Node | ours / Deno | ours / Node, best | target |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n{lines}",
        node.as_deref().unwrap_or("(missing)"),
        deno_version.as_deref().unwrap_or("(missing)"),
    );
    for note in notes {
        let _ = write!(out, "\n{note}\n");
    }
    out
}

fn measure(
    workload: &Workload,
    file: &Path,
    commands: &[Option<Command>; 3],
    lines: &mut String,
    notes: &mut Vec<String>,
) {
    let mut figures = vec![<[Figures; 3]>::default(); workload.rows.len()];
    for round in 1..=ROUNDS {
        super::say(&format!("web: {}, round {round} of {ROUNDS}", workload.name));
        for (engine, command) in commands.iter().enumerate() {
            let Some(command) = command else { continue };
            // A command cannot be copied, and this one is used for every file.
            let mut now = Command::new(command.get_program());
            now.args(command.get_args()).arg(file);
            now.envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
            let results = output(&mut now);
            for ((key, ..), row) in workload.rows.iter().zip(&mut figures) {
                match &results {
                    Ok(results) => row[engine].add(&results[*key]),
                    Err(e) => row[engine].error = Some(e.clone()),
                }
            }
        }
    }
    for ((_, name, target), row) in workload.rows.iter().zip(&figures) {
        let show = |f: &Figures| match (&f.error, f.median()) {
            (Some(_), _) => "failed".to_owned(),
            (None, Some(n)) => super::shown(super::Unit::Time, n * 1e6),
            (None, None) => String::new(),
        };
        let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| format!("{:.2}", a / b)).unwrap_or_default();
        let [ours, node, deno] = row;
        // V8 has targets of its own.
        let target = match (crate::engine().name(), workload.name) {
            ("v8", COMPUTE) => Some(1.05),
            ("v8", _) => Some(1.0),
            _ => *target,
        };
        let target = target.map(|t| format!("≤ {t} × Node")).unwrap_or_default();
        let _ = writeln!(
            lines,
            "| {name} | {} | {} | {} | {} | {} | {} | {target} |",
            show(ours),
            show(node),
            show(deno),
            ratio(ours.median(), node.median()),
            ratio(ours.median(), deno.median()),
            ratio(ours.best, node.best),
        );
        for (figures, engine) in row.iter().zip(ENGINES) {
            if let Some(e) = &figures.error {
                notes.push(format!("{engine} failed at \"{name}\": {e}."));
            }
        }
        let checks: Vec<_> =
            row.iter().zip(ENGINES).filter_map(|(f, engine)| Some(format!("{engine} {}", f.check?))).collect();
        if row.iter().filter_map(|f| f.check).any(|c| Some(c) != row[0].check) {
            notes.push(format!("The engines do not agree about \"{name}\": {}.", checks.join(", ")));
        }
    }
}

fn output(command: &mut Command) -> Result<serde_json::Value, String> {
    let out = command.stderr(std::process::Stdio::inherit()).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&out.stdout);
    if !out.status.success() {
        return Err(format!("its process ended with {}", out.status));
    }
    serde_json::from_str(text.trim()).map_err(|e| e.to_string())
}

fn version(program: &Path) -> Option<String> {
    let out = Command::new(program).arg("--version").output().ok().filter(|out| out.status.success())?;
    // "v20.1.0" and "deno 2.9.6 (stable, …)".
    let text = String::from_utf8_lossy(&out.stdout).trim_start_matches("deno ").trim_start_matches('v').to_owned();
    text.split_whitespace().next().map(str::to_owned)
}

pub fn deno() -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/deno.sh");
    let out =
        Command::new("sh").arg(script).stderr(std::process::Stdio::inherit()).output().map_err(|e| e.to_string())?;
    let path = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
    match (out.status.success(), version(&path)) {
        (true, Some(_)) => Ok(path),
        (true, None) => Err(format!("`{}` does not run", path.display())),
        _ => Err("bench/peers/deno.sh found none".to_owned()),
    }
}

/// Runs a file in a runtime of ours, in a process of its own as the others have one.
pub async fn child(file: &str) {
    let source = std::fs::read_to_string(file).unwrap();
    // Limits so high that none is met; they are still counted, as in any runtime.
    let limits = Limits::unlimited().memory(16 << 30).value_bytes(4 << 30);
    // Under the virtual clock, the default, `performance.now()` stands still while the guest works.
    let options = RuntimeOptions::new()
        .engine_arc(crate::engine())
        .clock(Clock::Real)
        .limits(limits)
        .console(ConsoleOptions::new().on_log(|e| println!("{}", e.text)));
    let runtime = create_runtime(options).await.unwrap();
    runtime.eval(source.as_str(), EvalOptions::new().filename(file).discard()).await.unwrap();
    runtime.run_until_idle().await.unwrap();
    runtime.dispose().await;
}
