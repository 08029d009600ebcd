//! The scripts that an engine is known not to stop in time.
//!
//! The file is data: for each engine its scripts, each with the reason and the worst time that was measured. A script
//! that is listed and ends well all the same fails the run, so that the list stays as short as the truth.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Script;

/// Why a script may hang or end late.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What keeps the engine from seeing the stop.
    pub why: String,
    /// The longest that it was seen to run past its deadline, in seconds, or when it was killed.
    pub worst_seconds: f64,
    /// Whether it was ever seen to end.
    pub ends: bool,
}

/// Scripts by engine, then by name.
pub type List = BTreeMap<String, BTreeMap<String, Known>>;

/// The list in `known.json`.
///
/// # Errors
/// If it is not as it must be, or names a script that does not exist.
pub fn list(scripts: &[Script]) -> Result<List, String> {
    let list: List = serde_json::from_str(include_str!("../known.json")).map_err(|e| format!("known.json: {e}"))?;
    for name in list.values().flat_map(BTreeMap::keys) {
        if !scripts.iter().any(|s| s.name == *name) {
            return Err(format!("known.json names {name}, and there is no such script"));
        }
    }
    Ok(list)
}
