//! The command line.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use clap::{Args, Parser, Subcommand, ValueEnum};
use isolate_runtime::fetch::network::{HostRule, IpNet};
use isolate_runtime::fs::is_valid_path;
use isolate_runtime::{Clock, Limits, RuntimeOptions};

/// Run untrusted JavaScript under hard limits: no files, no network, nothing but what you grant.
///
/// Exit codes: 0 ok, 1 uncaught error, 2 usage, 3 stopped by a limit.
#[derive(Debug, Parser)]
#[command(name = "isolate", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run files in order, in one context, until nothing is left that could run.
    ///
    /// `.js` files are classic scripts, `.mjs` files are modules; a `.js` file that only parses as a module runs as
    /// one. `.ts` and `.mts` files are modules in TypeScript, whose types are stripped. Modules may import files below the directory of the file named here, and nothing else.
    Run {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        debug: Debug,
    },
    /// Evaluate code and print the value of its last expression, awaited if it is a promise.
    Eval {
        /// The code.
        code: String,
        #[command(flatten)]
        options: Options,
    },
    /// Read inputs, run each in one context, and print its value.
    ///
    /// --timeout holds for each input. A guest that a limit or Ctrl-C stops is started anew. From a pipe there are no prompts,
    /// and the exit code tells whether an input failed.
    Repl {
        /// Keep the history in memory, rather than in a file of the user's data directory.
        #[arg(long)]
        no_history: bool,
        #[command(flatten)]
        options: Options,
    },
    /// Run tests: files that use describe, test and expect.
    ///
    /// Each file runs in a guest of its own, with the limits and grants given here; --timeout holds for a file. In a directory,
    /// tests are the files named like x.test.js or x.spec.ts. The exit code is 1 if a test fails or there is none.
    Test {
        /// Files and directories.
        #[arg(default_value = ".")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        tests: Tests,
        #[command(flatten)]
        options: Options,
    },
    /// Answer HTTP requests and WebSockets with the handler of a file, until interrupted.
    ///
    /// The file calls serve({ fetch(request, server) { … } }), or is a module with `export default { fetch }`. --timeout
    /// holds for each uninterrupted stretch of guest code; a guest that a limit stops is started again.
    Serve {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        listen: Listen,
        #[command(flatten)]
        options: Options,
    },
}

/// Which tests, and how they are reported. With --json one object is printed at the end.
#[derive(Args, Clone, Debug)]
pub(crate) struct Tests {
    /// Run only tests whose name, with the names of their suites before it, this regular expression matches.
    #[arg(long, short = 't', value_name = "PATTERN")]
    pub(crate) filter: Option<String>,
    /// How long a test may take, and a hook, unless it says so itself.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) test_timeout: Time,
    /// Stop after so many failures.
    #[arg(long, value_name = "FAILURES", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub(crate) bail: Option<usize>,
    /// Write inline snapshots that are missing or differ into the test files.
    #[arg(long, short = 'u')]
    pub(crate) update: bool,
    /// Also write the results to a file, in the XML of JUnit.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

/// Where and how to listen.
#[derive(Args, Clone, Debug)]
pub(crate) struct Listen {
    /// The port; 0 is a free one.
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// How long the guest may take to respond to a request, or `none`.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub(crate) response_time: Limit<Time>,
    /// How long requests under way may go on after an interrupt.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    pub(crate) grace: Time,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Memory limit, such as 64M (K, M, G are powers of 1024), or `none`.
    #[arg(long, value_name = "SIZE", default_value = "128M")]
    pub(crate) memory: Limit<Size>,
    /// Native stack for guest code.
    #[arg(long, value_name = "SIZE", default_value = "1M")]
    pub(crate) stack: Size,
    /// Wall-clock time for the whole run, such as 5s, 500ms or 2m, or `none`.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) timeout: Limit<Time>,
    /// Processor time of the guest, or `none`.
    #[arg(long, value_name = "TIME", default_value = "none")]
    pub(crate) cpu_time: Limit<Time>,
    /// What timers follow: the machine's time, time that jumps to the next timer when nothing else can run, or time
    /// that stands still.
    #[arg(long, value_enum, default_value_t = ClockName::Real)]
    pub(crate) clock: ClockName,
    /// What time it is to the guest at the start, such as 2026-01-01 or 2026-01-01T12:00:00Z, or in milliseconds since 1970. It goes
    /// on with the clock. Without it `Date` is the machine's.
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: Option<StartTime>,
    /// A number from which all randomness of the guest follows, keys included: the same in each run.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Let the guest reach a host by fetch, WebSocket and EventSource: example.com, *.example.com (its subdomains),
    /// 127.0.0.1:8080, or '*' (all); without a port, all ports. Repeatable. Addresses of private networks and of this
    /// machine are refused unless they, or `localhost`, are named here.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) allow_net: Vec<HostRule>,
    /// Let allowed names have addresses of this private network, such as 10.0.0.0/8. Repeatable.
    #[arg(long, value_name = "NETWORK", requires = "allow_net")]
    pub(crate) allow_address: Vec<IpNet>,
    /// Give the guest the files of a directory: /data=./data, read-only with ./data:ro at the end. GUEST is the path that
    /// getDirectory(path) takes; / is what navigator.storage.getDirectory() gives. Repeatable. Nothing leads out of HOST.
    #[arg(long, value_name = "GUEST=HOST[:ro]")]
    pub(crate) dir: Vec<Directory>,
    /// Limit what each writable directory may hold, with what is there already, such as 100M.
    #[arg(long, value_name = "SIZE", requires = "dir")]
    pub(crate) dir_quota: Option<Size>,
    /// Let modules import what is below this directory, and packages of its node_modules. Without it that is the directory of
    /// each file that is run.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) root: Option<PathBuf>,
    /// An import map for the modules, as browsers have them: JSON, with addresses relative to the root.
    #[arg(long, value_name = "FILE")]
    pub(crate) import_map: Option<PathBuf>,
    /// The JavaScript engine: `quickjs`, or `v8` if the command was built with it.
    #[arg(long, value_name = "NAME", default_value = "quickjs")]
    pub(crate) engine: String,
    /// Print the value (of eval) and errors as JSON, one object on a line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// For those who debug. Needs an engine with an inspector: V8.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Debug {
    /// Listen for a debugger (Chrome, VS Code). Whoever connects controls the guest.
    #[arg(long, value_name = "[HOST:]PORT", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1")]
    pub(crate) inspect: Option<Place>,
    /// The same, and wait for the debugger before the first statement.
    #[arg(
        long,
        value_name = "[HOST:]PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "127.0.0.1",
        conflicts_with = "inspect"
    )]
    pub(crate) inspect_brk: Option<Place>,
    /// Write a processor profile of the run, for Chrome's or VS Code's viewer.
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "isolate.cpuprofile",
        conflicts_with_all = ["inspect", "inspect_brk"]
    )]
    pub(crate) cpu_prof: Option<PathBuf>,
}

/// Where to listen for a debugger: a host, a port, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "v8"), allow(dead_code))]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        /// The port that tools look at by themselves.
        const USUAL: u16 = 9229;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let (host, port) = match text.rsplit_once(':') {
            _ if is_number(text) => ("127.0.0.1", Some(text)),
            // An address of IPv6 has colons of its own.
            _ if text.parse::<Ipv6Addr>().is_ok() || text.ends_with(']') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let port = match port {
            None => USUAL,
            Some(port) if is_number(port) => port.parse().map_err(|_| format!("{port} is no port"))?,
            Some(port) => return Err(format!("{port:?} is no port")),
        };
        let bare = host.strip_prefix('[').map_or(Some(host), |rest| rest.strip_suffix(']'));
        // What has brackets or colons is an address of IPv6 or nothing.
        let is_meant = |bare: &&str| match bare.len() != host.len() || bare.contains(':') {
            true => bare.parse::<Ipv6Addr>().is_ok(),
            false => !bare.is_empty(),
        };
        let host = bare.filter(is_meant).ok_or("what is meant is PORT, HOST, HOST:PORT or [IPv6]:PORT")?;
        Ok(Self { host: host.to_owned(), port })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ClockName {
    Real,
    Auto,
    Virtual,
}

impl From<ClockName> for Clock {
    fn from(name: ClockName) -> Self {
        match name {
            ClockName::Real => Clock::Real,
            ClockName::Auto => Clock::VirtualAutoAdvance,
            ClockName::Virtual => Clock::Virtual,
        }
    }
}

impl Options {
    /// What they make of a runtime that is granted nothing.
    pub(crate) fn runtime(&self) -> RuntimeOptions {
        let mut made = RuntimeOptions::new().limits(self.limits()).clock(self.clock.into());
        if let Some(StartTime(time)) = self.start_time {
            made = made.start_time(time);
        }
        if let Some(seed) = self.seed {
            made = made.seed(seed);
        }
        made
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits::new()
            .memory(self.memory.0.map(|s| s.0))
            .stack(self.stack.0)
            .wall_time(self.timeout.0.map(|t| t.0))
            .cpu_time(self.cpu_time.0.map(|t| t.0))
    }
}

/// A directory that the guest gets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Directory {
    pub(crate) guest: String,
    pub(crate) host: PathBuf,
    pub(crate) read_only: bool,
}

impl FromStr for Directory {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let (guest, host) =
            s.split_once('=').ok_or_else(|| format!("'{s}' is not GUEST=HOST; write for example /data=./data"))?;
        if !is_valid_path(guest) {
            return Err(format!("'{guest}' is not a path of the guest; write for example /data or /"));
        }
        let (host, read_only) = match host.strip_suffix(":ro") {
            Some(host) => (host, true),
            None => (host, false),
        };
        if host.is_empty() {
            return Err(format!("'{s}' names no directory of the host"));
        }
        Ok(Self { guest: guest.to_owned(), host: host.into(), read_only })
    }
}

/// A limit that may be `none`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit<T>(pub(crate) Option<T>);

impl<T: FromStr> FromStr for Limit<T> {
    type Err = T::Err;
    fn from_str(s: &str) -> Result<Self, T::Err> {
        if s == "none" { Ok(Self(None)) } else { s.parse().map(|v| Self(Some(v))) }
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Size(pub(crate) usize);

fn split(s: &str) -> (&str, &str) {
    s.split_at(s.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(s.len()))
}

impl FromStr for Size {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let wrong = || format!("'{s}' is not a size; write for example 64M");
        let (number, unit) = split(s);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit: f64 = match unit.to_ascii_uppercase().as_str() {
            "" | "B" => 1.0,
            "K" | "KB" | "KIB" => 1024.0,
            "M" | "MB" | "MIB" => 1024.0 * 1024.0,
            "G" | "GB" | "GIB" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        let bytes = number * unit;
        if bytes.is_finite() && bytes < usize::MAX as f64 { Ok(Self(bytes as usize)) } else { Err(wrong()) }
    }
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Time(pub(crate) Duration);

impl FromStr for Time {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let wrong = || format!("'{s}' is not a time; write for example 5s or 500ms");
        let (number, unit) = split(s);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        Duration::try_from_secs_f64(number * unit).map(Self).map_err(|_| wrong())
    }
}

/// A time on the calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StartTime(SystemTime);

impl FromStr for StartTime {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        if let Ok(ms) = s.parse() {
            return Ok(Self(SystemTime::UNIX_EPOCH + Duration::from_millis(ms)));
        }
        let midnight = if s.len() == 10 { "T00:00:00" } else { "" };
        humantime::parse_rfc3339_weak(&format!("{s}{midnight}"))
            .map(Self)
            .map_err(|e| format!("'{s}' is not a time: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_listen_on() {
        let place = |text: &str| text.parse::<Place>().map(|p| (p.host, p.port)).ok();
        for (text, host, port) in [
            ("9230", "127.0.0.1", 9230),
            ("0", "127.0.0.1", 0),
            ("localhost", "localhost", 9229),
            ("localhost:0", "localhost", 0),
            ("127.0.0.1:9230", "127.0.0.1", 9230),
            ("[::1]:9230", "::1", 9230),
            ("[::1]", "::1", 9229),
            ("::1", "::1", 9229),
        ] {
            assert_eq!(place(text), Some((host.to_owned(), port)), "{text}");
        }
        for bad in ["", ":", ":9230", "host:", "host:x", "99999", "host:65536", "[::1", "[::1]x:1", "[host]:1", "a:b:1"]
        {
            assert_eq!(place(bad), None, "{bad}");
        }
    }

    #[test]
    fn directories() {
        let dir =
            |guest: &str, host: &str, read_only| Ok(Directory { guest: guest.into(), host: host.into(), read_only });
        assert_eq!("/data=./x".parse(), dir("/data", "./x", false));
        assert_eq!("/=/srv/a=b:ro".parse(), dir("/", "/srv/a=b", true));
        for bad in ["", "/data", "data=x", "/data=", "/data=:ro", "/a/../b=x", "/a/=x"] {
            assert!(bad.parse::<Directory>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!("64M".parse(), Ok(Size(64 << 20)));
        assert_eq!("1.5k".parse(), Ok(Size(1536)));
        assert_eq!("100".parse(), Ok(Size(100)));
        assert_eq!("none".parse(), Ok(Limit::<Size>(None)));
        assert_eq!("500ms".parse(), Ok(Time(Duration::from_millis(500))));
        assert_eq!("2m".parse(), Ok(Time(Duration::from_secs(120))));
        for bad in ["", "M", "64X", "-1", "1e999G"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        for bad in ["5", "s", "5 s", "-5s"] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }
}
