//! Where events come from, and what is taken out of them.

use std::path::PathBuf;

use serde::Deserialize;

use super::Size;

/// `collect:`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Collect {
    /// Audit logs on this machine. `--log` adds one.
    pub(crate) logs: Vec<Log>,
    /// What is taken out before anything is written.
    pub(crate) redaction: Redaction,
    /// The largest body that a webhook or an agent may send, after decompression.
    pub(crate) body_max: Size,
}

impl Default for Collect {
    fn default() -> Self {
        Collect { logs: Vec::new(), redaction: Redaction::default(), body_max: Size(64 << 20) }
    }
}

/// One log, or the logs of one folder, with what they are rotated to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// A file, or a pattern with `*`, `?`.
    pub(crate) path: PathBuf,
    /// The cluster whose log it is.
    #[serde(default = "local")]
    pub(crate) cluster: String,
}

impl Log {
    /// A log of the cluster that this machine belongs to.
    pub(crate) fn of(path: PathBuf) -> Self {
        Log { path, cluster: local() }
    }
}

/// The cluster of whoever names none.
fn local() -> String {
    "local".to_owned()
}

/// `collect.redaction:`
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Redaction {
    /// Keep every secret that an event holds. Off.
    pub(crate) disabled: bool,
    /// Further rules, and exceptions.
    pub(crate) rules: Option<PathBuf>,
}
