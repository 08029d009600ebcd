//! Files of a real directory, beside Node's and Deno's own functions on the same disk.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use isolate_runtime::{
    Clock, Context, ContextOptions, DirectoryFileSystem, FsOptions, Limits, from_value, setup_core, setup_fs,
};

use crate::{pollster, say};

const WORK: &str = include_str!("../workloads/fs/work.js");
const OURS: &str = include_str!("../workloads/fs/isolate.js");
const NODE: &str = include_str!("../workloads/fs/node.js");
const DENO: &str = include_str!("../workloads/fs/deno.js");
const ROUNDS: usize = 5;

/// Milliseconds of each piece of work.
type Times = HashMap<String, f64>;

fn context(directory: &Path) -> Context {
    let limits = Limits::new().wall_time(None).memory(256usize << 20);
    let context = Context::new(&*crate::engine(), ContextOptions::new().limits(limits).clock(Clock::Real)).unwrap();
    setup_core(&context).unwrap();
    setup_fs(&context, FsOptions::new().handler(DirectoryFileSystem::open(directory).unwrap())).unwrap();
    context
}

/// One round in this process, printed as JSON; or what ranged reads of a large file take of memory.
pub fn child(which: &str, directory: &str) {
    let context = context(Path::new(directory));
    if which == "memory" {
        let file = std::fs::File::create(Path::new(directory).join("large")).unwrap();
        file.set_len(1 << 30).unwrap();
        let ranges =
            "const file = await (await (await navigator.storage.getDirectory()).getFileHandle('large')).getFile();
            for (let i = 0; i < 1000; i++) {
                const at = i * 7919 * 131 % (2 ** 30 - 4096);
                if ((await file.slice(at, at + 4096).bytes()).length !== 4096) throw new Error('wrong');
            }";
        // Once with a few, so that what is loaded then does not count.
        pollster(context.eval(&format!("(async () => {{ {} }})()", ranges.replace("1000", "10")), "bench.js")).unwrap();
        let before = peak();
        pollster(context.eval(&format!("(async () => {{ {ranges} }})()"), "bench.js")).unwrap();
        println!("{} {}", peak() - before, peak());
        std::fs::remove_file(Path::new(directory).join("large")).unwrap();
        return;
    }
    let code = format!("{WORK}\n{OURS}\nmakeIo().then(measure).then(JSON.stringify)");
    let times: String = from_value(pollster(context.eval(&code, "bench.js")).unwrap()).unwrap();
    println!("{times}");
}

/// The most that was resident, in bytes.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1024.0
}

fn directory() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-fs");
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path.canonicalize().unwrap()
}

fn ours(which: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--fs-child", which]).arg(directory).args(["--engine", crate::engine().name()]);
    command
}

/// The best of some rounds, which take turns.
fn best(commands: &mut [(&str, Command)]) -> Vec<Times> {
    let mut all = vec![Times::new(); commands.len()];
    for _ in 0..ROUNDS {
        for ((name, command), best) in commands.iter_mut().zip(&mut all) {
            // What others have written is not waited for by this one.
            let _ = Command::new("sync").status();
            let out = command.output().unwrap();
            let times: Times = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| {
                eprintln!("{name} measured nothing: {}", String::from_utf8_lossy(&out.stderr));
                Times::new()
            });
            for (name, time) in times {
                let entry = best.entry(name).or_insert(f64::INFINITY);
                *entry = entry.min(time);
            }
        }
    }
    all
}

/// Measures, and gives the section for the page of results.
pub fn section() -> String {
    say("files");
    let root = directory();
    let here = |name: &str, code: &str| {
        let path = root.with_file_name(name);
        std::fs::write(&path, format!("{WORK}\n{code}")).unwrap();
        path
    };
    let mut node = Command::new("node");
    node.arg(here("bench-fs-node.js", NODE)).arg(&root);
    let mut commands = vec![("isolate", ours("work", &root)), ("node", node)];
    match crate::web::deno() {
        Ok(deno) => {
            let mut command = Command::new(deno);
            command.args(["run", "-A", "-q", "--no-prompt"]).arg(here("bench-fs-deno.js", DENO)).arg(&root);
            commands.push(("deno", command));
        }
        Err(e) => eprintln!("Deno was not measured: {e}"),
    }
    let times = best(&mut commands);
    let memory = ours("memory", &root).output().map(|out| out.stdout).unwrap_or_default();
    let memory: Vec<f64> =
        String::from_utf8_lossy(&memory).split_whitespace().map(|n| n.parse().unwrap_or(f64::NAN)).collect();
    let _ = std::fs::remove_dir_all(&root);
    let mut out = format!(
        "## Files\n\nA real directory (atomic writes on our side), the best of {ROUNDS} rounds that take turns; milliseconds.\n\n\
         | what | Isolate | Node | Deno | beside Node | beside Deno | target |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
    );
    let sum = |times: Option<&Times>, names: &[&str]| -> f64 {
        names.iter().map(|name| times.and_then(|t| t.get(*name)).copied().unwrap_or(f64::NAN)).sum()
    };
    let rows: [(&str, &[&str], &str); 8] = [
        ("write 1 GiB in chunks of 1 MiB", &["write"], "≤ 1.3 × Node"),
        ("read 1 GiB in chunks of 1 MiB", &["read"], "≤ 1.3 × Node"),
        ("1,000 ranged reads of 4 KiB of it", &["ranges"], ""),
        ("10,000 small files: create", &["create"], ""),
        ("list", &["list"], ""),
        ("read", &["get"], ""),
        ("remove", &["remove"], ""),
        ("all four", &["create", "list", "get", "remove"], "≤ 1.5 × Node"),
    ];
    for (name, parts, target) in rows {
        let [ours, node, deno] = [0, 1, 2].map(|i| sum(times.get(i), parts));
        let show = |ms: f64| if ms.is_finite() { format!("{ms:.0}") } else { "–".to_owned() };
        let ratio = |other: f64| if other.is_finite() { format!("{:.2} ×", ours / other) } else { "–".to_owned() };
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} | {target} |",
            show(ours),
            show(node),
            show(deno),
            ratio(node),
            ratio(deno)
        );
    }
    let mib = |i: usize| memory.get(i).map_or(f64::NAN, |bytes| bytes / f64::from(1 << 20));
    let _ = writeln!(
        out,
        "\nThe ranged reads of a file of 1 GiB, in a process of their own: memory grew by {:.1} MiB at the most, to {:.1} MiB.",
        mib(0),
        mib(1)
    );
    out
}
