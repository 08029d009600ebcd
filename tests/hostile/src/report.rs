//! The results as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use crate::corpus::{Case, Results};
use crate::{DEADLINE, Kind, LATE, MEMORY, Outcome, ROOM};

pub(crate) fn markdown(results: &Results) -> String {
    let mut text = String::new();
    let engines: BTreeSet<&str> = results.cases.iter().map(|c| c.engine.as_str()).collect();
    for engine in engines {
        let cases: Vec<&Case> = results.cases.iter().filter(|c| c.engine == engine).collect();
        one_engine(&mut text, engine, &cases);
    }
    let took = results.took.as_secs();
    let _ = writeln!(
        text,
        "Each run in a process of its own, with {} MiB of memory, a deadline of {} s ({} s for those whose end must be another) and killed after {} s. \
         All together took {took} s.",
        MEMORY >> 20,
        DEADLINE.as_secs(),
        ROOM.as_secs(),
        results.cap.as_secs()
    );
    if results.skipped > 0 {
        let _ = writeln!(text, "{} scripts that are known to hang were not run (--all runs them).", results.skipped);
    }
    text
}

fn one_engine(text: &mut String, engine: &str, cases: &[&Case]) {
    let runs: Vec<&Outcome> = cases.iter().flat_map(|c| &c.runs).collect();
    let ended = |kind| runs.iter().filter(move |r| r.kind == kind);
    let counts: Vec<String> =
        [Kind::Deadline, Kind::Memory, Kind::Error, Kind::Ok, Kind::Hang, Kind::Crash, Kind::Broken, Kind::Wrong]
            .into_iter()
            .map(|kind| format!("{} {kind}", ended(kind).count()))
            .collect();
    let overshoot = spread(ended(Kind::Deadline).filter_map(|r| r.overshoot_us).collect());
    let unlisted = cases.iter().filter(|c| c.known.is_none()).flat_map(|c| &c.runs);
    let unlisted = spread(unlisted.filter(|r| r.kind == Kind::Deadline).filter_map(|r| r.overshoot_us).collect());
    let over_memory = spread(ended(Kind::Memory).filter_map(|r| r.over_memory_kib()).map(to_signed).collect());
    let anywhere = spread(runs.iter().filter_map(|r| r.over_memory_kib()).map(to_signed).collect());
    let _ = writeln!(text, "## {engine}\n\n{} runs: {}.\n", runs.len(), counts.join(", "));
    let _ = writeln!(text, "| | p50 | p99 | max |\n| --- | ---: | ---: | ---: |");
    let mut row = |name: &str, spread: Option<[i64; 3]>, unit: fn(i64) -> String| {
        if let Some([p50, p99, max]) = spread {
            let _ = writeln!(text, "| {name} | {} | {} | {} |", unit(p50), unit(p99), unit(max));
        }
    };
    row("`deadline`: returned after the deadline by", overshoot, time);
    if unlisted != overshoot {
        row("`deadline`, without what is known to be late", unlisted, time);
    }
    row("`memory`: resident size beyond the limit", over_memory, memory);
    row("all: resident size beyond the limit", anywhere, memory);

    let late: Vec<String> = cases
        .iter()
        .filter(|c| c.known.is_none())
        .filter_map(|c| Some((c, c.runs.iter().map(Outcome::past_deadline).max()?)))
        .filter(|(_, worst)| *worst > LATE)
        .map(|(c, worst)| format!("`{}` ({})", c.script.name, duration(worst)))
        .collect();
    if !late.is_empty() {
        let _ = writeln!(text, "\nLate by more than {} though not listed: {}.", duration(LATE), late.join(", "));
    }

    let _ = writeln!(text, "\n| script | expected | got | after the deadline | memory beyond the limit |");
    let _ = writeln!(text, "| --- | --- | --- | ---: | ---: |");
    for case in cases {
        let kinds: BTreeSet<Kind> = case.runs.iter().map(|r| r.kind).collect();
        let mut got = kinds.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", ");
        if case.known.is_some() {
            got += " (known)";
        }
        let _ = writeln!(
            text,
            "| {} | {} | {got} | {} | {} |",
            case.script.name,
            case.script.expects(),
            cell(case.runs.iter().filter_map(|r| r.overshoot_us).collect(), time),
            cell(
                case.runs.iter().filter_map(|r| r.over_memory_kib()).filter(|&k| k > 0).map(to_signed).collect(),
                memory
            ),
        );
    }
    text.push('\n');
    let known: Vec<&&Case> = cases.iter().filter(|c| c.known.is_some()).collect();
    if known.is_empty() {
        return;
    }
    let _ = writeln!(text, "Known not to stop in time:\n\n| script | why | past its deadline |\n| --- | --- | ---: |");
    for case in known {
        if let Some(known) = &case.known {
            let more = if known.ends { "" } else { "killed after " };
            let _ = writeln!(text, "| {} | {} | {more}{} s |", case.script.name, known.why, known.worst_seconds);
        }
    }
    text.push('\n');
}

fn to_signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// One figure, or the median and the 99th percentile of several.
fn cell(figures: Vec<i64>, unit: fn(i64) -> String) -> String {
    let several = figures.len() > 1;
    match spread(figures) {
        None => String::new(),
        Some([one, ..]) if !several => unit(one),
        Some([p50, p99, _]) => format!("{} / {}", unit(p50), unit(p99)),
    }
}

/// The median, the 99th percentile and the maximum, each one of the figures.
fn spread(mut figures: Vec<i64>) -> Option<[i64; 3]> {
    figures.sort_unstable();
    let last = figures.len().checked_sub(1)?;
    let at = |percent: usize| figures[(figures.len() * percent).div_ceil(100).saturating_sub(1).min(last)];
    Some([at(50), at(99), figures[last]])
}

pub(crate) fn duration(d: Duration) -> String {
    time(i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

fn time(us: i64) -> String {
    match us.abs() {
        0..10_000 => format!("{:.2} ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

fn memory(kib: i64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_figures_that_occurred() {
        assert_eq!(spread(vec![]), None);
        assert_eq!(spread(vec![7]), Some([7, 7, 7]));
        assert_eq!(spread((1..=100).rev().collect()), Some([50, 99, 100]));
        assert_eq!(spread(vec![3, 1, 2]), Some([2, 3, 3]));
        assert_eq!(cell(vec![1500, 2_500_000], time), "1.50 ms / 2.5 s");
    }
}
