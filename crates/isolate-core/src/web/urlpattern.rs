//! `URLPattern`: patterns become regular expressions here, which the guest's engine runs.

use isolate_engine::{Glue, HostError, HostFunction, Value};
use url::Url;
use urlpattern::quirks::{self, StringOrInit};
use urlpattern::regexp::RegExp;
use urlpattern::{RegexSyntax, UrlPatternInit, UrlPatternOptions};

use super::Module;
use crate::{Context, FromValue};

pub(crate) static URL_PATTERN: Module = Module {
    name: "urlpattern",
    glue: Glue::new("isolate:urlpattern", include_str!("../glue/urlpattern.js")),
    functions,
    globals: &["URLPattern"],
    attributes: &[],
    objects: &[],
};

/// A regular expression of the guest's: the host does not judge it, the guest's engine does.
struct Expression(String);

impl RegExp for Expression {
    fn syntax() -> RegexSyntax {
        RegexSyntax::EcmaScript
    }

    fn parse(pattern: &str, _flags: &str, _force_eval: bool) -> Result<Self, ()> {
        Ok(Self(pattern.to_owned()))
    }

    /// Asked only whether a pattern for protocols can mean one that the standard treats specially.
    fn matches<'a>(&self, text: &'a str) -> Option<Vec<Option<&'a str>>> {
        <regex::Regex as RegExp>::parse(&self.0, "", true).ok()?.matches(text)
    }

    fn pattern_string(&self) -> &str {
        &self.0
    }
}

fn functions(context: &Context) -> Vec<HostFunction> {
    vec![context.function("__URLPattern_parse", parse), context.function("__URLPattern_input", input)]
}

fn type_error(e: impl std::fmt::Display) -> HostError {
    HostError::type_error(e.to_string())
}

/// URLPatternInit as glue gives it: its members in alphabetical order.
fn init_of(value: Value) -> Result<quirks::UrlPatternInit, HostError> {
    let mut members = Vec::<Option<String>>::from_value(value)?.into_iter();
    let mut next = || members.next().flatten();
    Ok(quirks::UrlPatternInit {
        base_url: next(),
        hash: next(),
        hostname: next(),
        password: next(),
        pathname: next(),
        port: next(),
        protocol: next(),
        search: next(),
        username: next(),
    })
}

/// The most bytes that a pattern may have, over all its components. The host takes quadratic time to compile one, and no
/// stop reaches it meanwhile: this many take about a tenth of a second at the worst.
const LONGEST: usize = 16 << 10;

/// Refuses a pattern that is too long.
fn check_length(input: &Value) -> Result<(), HostError> {
    let length = match input {
        Value::List(members) => members.iter().filter_map(Value::as_str).map(str::len).sum(),
        input => input.as_str().map_or(0, str::len),
    };
    if length > LONGEST {
        return Err(HostError::range_error(format!("the pattern has more than {LONGEST} bytes")));
    }
    Ok(())
}

/// Whether there are groups with expressions of the guest's own; then of each component, in the standard's order, its
/// pattern, its expression and the names of its groups.
fn parse(input: Value, base_url: Option<String>, ignore_case: bool) -> Result<Vec<Value>, HostError> {
    check_length(&input)?;
    let init = match input {
        Value::String(pattern) => {
            let base = base_url.map(|base| Url::parse(&base)).transpose().map_err(type_error)?;
            UrlPatternInit::parse_constructor_string::<Expression>(&pattern, base).map_err(type_error)?
        }
        input => quirks::process_construct_pattern_input(StringOrInit::Init(init_of(input)?), base_url.as_deref())
            .map_err(type_error)?,
    };
    let options = UrlPatternOptions { regex_syntax: RegexSyntax::EcmaScript, ignore_case };
    let pattern = quirks::parse_pattern::<Expression>(init, options).map_err(type_error)?;
    let mut out = vec![pattern.has_regexp_groups.into()];
    let components = [
        pattern.protocol,
        pattern.username,
        pattern.password,
        pattern.hostname,
        pattern.port,
        pattern.pathname,
        pattern.search,
        pattern.hash,
    ];
    for component in components {
        out.push(component.pattern_string.into());
        out.push(component.regexp_string.into());
        out.push(component.group_name_list.into());
    }
    Ok(out)
}

/// The components of what is to be matched; nothing if it is no URL.
fn input(input: Value, base_url: Option<String>) -> Result<Option<Vec<Value>>, HostError> {
    let parts = match input {
        Value::String(url) => {
            let Ok(url) = ada_url::Url::parse(&*url, base_url.as_deref()) else { return Ok(None) };
            let without = |s: &str, prefix: char| s.strip_prefix(prefix).unwrap_or(s).to_owned();
            [
                url.protocol().trim_end_matches(':').to_owned(),
                url.username().to_owned(),
                url.password().to_owned(),
                url.hostname().to_owned(),
                url.port().to_owned(),
                url.pathname().to_owned(),
                without(url.search(), '?'),
                without(url.hash(), '#'),
            ]
        }
        input => {
            let input = StringOrInit::Init(init_of(input)?);
            let input = quirks::process_match_input(input, base_url.as_deref()).map_err(type_error)?;
            let Some(parts) = input.and_then(|(input, _)| quirks::parse_match_input(input)) else { return Ok(None) };
            [
                parts.protocol,
                parts.username,
                parts.password,
                parts.hostname,
                parts.port,
                parts.pathname,
                parts.search,
                parts.hash,
            ]
        }
    };
    Ok(Some(parts.map(Value::from).into()))
}
