//! The `// META:` lines at the head of a test.

/// What the head of a test says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Scripts to load before the test, relative to its directory or, with a slash in front, to the root.
    pub scripts: Vec<String>,
    /// What stands after the test's address, one run for each.
    pub variants: Vec<String>,
    /// The kinds of global scope the test is for; empty if it does not say.
    pub globals: Vec<String>,
    /// Its title.
    pub title: Option<String>,
    /// Whether it may take long.
    pub long: bool,
}

impl Meta {
    /// Reads the head of a test; it ends with the first line that is not such a comment.
    pub fn parse(source: &str) -> Self {
        let mut meta = Self::default();
        for line in source.trim_start_matches('\u{feff}').lines() {
            let Some((key, value)) = entry(line) else { break };
            match key {
                "script" => meta.scripts.push(value.into()),
                "variant" => meta.variants.push(value.into()),
                "global" => meta.globals.extend(value.split(',').map(|g| g.trim().into())),
                "title" => meta.title = Some(value.into()),
                "timeout" => meta.long = value == "long",
                // `quic` and the like are for the server.
                _ => {}
            }
        }
        meta
    }

    /// The variants, or the empty one.
    pub fn runs(&self) -> Vec<String> {
        if self.variants.is_empty() { vec![String::new()] } else { self.variants.clone() }
    }

    /// Whether the test is for a window or a dedicated worker, which is what a guest resembles.
    pub fn for_us(&self) -> bool {
        const OURS: [&str; 6] =
            ["window", "worker", "dedicatedworker", "dedicatedworker-module", "shadowrealm", "!default"];
        self.globals.is_empty() || self.globals.iter().any(|g| OURS.contains(&g.as_str()))
    }
}

fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.strip_prefix("//")?.trim_start().strip_prefix("META:")?.split_once('=')?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_line() {
        let meta = Meta::parse(
            "// META: global=window,worker\n//META: script=/common/sab.js\n// META: script=a.js\n\
             // META: variant=?1-10\n// META: variant=?11-last\n// META: timeout=long\n// META: title=A = B\n'use strict';",
        );
        assert_eq!(meta.scripts, ["/common/sab.js", "a.js"]);
        assert_eq!(meta.runs(), ["?1-10", "?11-last"]);
        assert_eq!(meta.globals, ["window", "worker"]);
        assert_eq!(meta.title.as_deref(), Some("A = B"));
        assert!(meta.long && meta.for_us());
    }

    #[test]
    fn ends_with_the_first_other_line() {
        let meta = Meta::parse("// META: script=a.js\r\n'use strict';\n// META: script=b.js\n");
        assert_eq!(meta.scripts, ["a.js"]);
        assert_eq!(Meta::parse("// not META: script=a.js"), Meta::default());
        assert!(Meta::parse("\u{feff}// META: timeout=long").long);
    }

    #[test]
    fn without_variants_there_is_one_run() {
        assert_eq!(Meta::parse("").runs(), [""]);
    }

    #[test]
    fn some_are_for_other_scopes_only() {
        assert!(!Meta::parse("// META: global=serviceworker").for_us());
        assert!(Meta::parse("// META: global=serviceworker,window").for_us());
    }
}
