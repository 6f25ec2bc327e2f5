//! What is looked for.

use std::path::PathBuf;
use std::time::Duration;

use auditward_rules::Severity;
use serde::Deserialize;

use super::Age;

/// `detect:`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Detect {
    /// Files and folders of rules of any language, and of settings. `--rules` adds more.
    pub(crate) rules: Vec<PathBuf>,
    /// Leave out the shipped rules.
    pub(crate) no_shipped: bool,
    /// Leave out rules that are less severe.
    #[serde(deserialize_with = "severity")]
    pub(crate) severity: Severity,
    /// How much later than a newer one an event may come and still be put in its place.
    pub(crate) lateness: Age,
}

impl Default for Detect {
    fn default() -> Self {
        Detect {
            rules: Vec::new(),
            no_shipped: false,
            severity: Severity::Debug,
            lateness: Age(Duration::from_mins(2)),
        }
    }
}

fn severity<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
