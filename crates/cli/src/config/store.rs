//! What is kept, and for how long.

use std::time::Duration;

use serde::Deserialize;

use super::{Age, Size};

/// `store:`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    /// Keep each event's bytes as they came, beside its columns. Costs about as much again.
    pub(crate) keep_raw: bool,
    /// After how long events are written from memory into a file of columns.
    pub(crate) seal_after: Age,
    /// What is removed, by cluster; `*` is every cluster that has none of its own. Nothing by default.
    pub(crate) retention: Vec<Retention>,
}

/// What is removed of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    /// Whose events.
    pub(crate) cluster: String,
    /// Events older than this.
    #[serde(default)]
    pub(crate) age: Option<Age>,
    /// The oldest events, until the rest is no larger than this.
    #[serde(default)]
    pub(crate) size: Option<Size>,
}

impl Default for Store {
    fn default() -> Self {
        Store { keep_raw: false, seal_after: Age(Duration::from_mins(1)), retention: Vec::new() }
    }
}
