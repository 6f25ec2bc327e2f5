//! `auditward.yaml`: what `auditward serve` is told by a file. Flags overrule it; what neither says has a default that works.
//!
//! A file each for what a part is told. Unknown keys are refused, with the one that was probably meant: a setting that is
//! silently ignored is worse than none.

mod check;
mod collect;
mod detect;
mod journal;
mod listen;
mod query;
mod read;
mod store;
mod units;

use std::path::PathBuf;

use auditward_notify::Targets;
use serde::Deserialize;

pub(crate) use collect::{Collect, Log, Redaction};
pub(crate) use detect::Detect;
pub(crate) use journal::Journal;
pub(crate) use listen::Listen;
pub(crate) use query::Query;
pub(crate) use read::{check_targets, from_file};
pub(crate) use store::Store;
pub(crate) use units::{Age, Size};

/// Everything that can be said.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The folder that holds everything that is kept. `--data` overrules it.
    pub(crate) data: Option<PathBuf>,
    /// Where requests are answered.
    pub(crate) listen: Listen,
    /// Where events come from.
    pub(crate) collect: Collect,
    /// Events that were acknowledged and not yet worked on.
    pub(crate) journal: Journal,
    /// What is looked for.
    pub(crate) detect: Detect,
    /// What is kept, and for how long.
    pub(crate) store: Store,
    /// What a question may cost.
    pub(crate) query: Query,
    /// Where alerts go, by name.
    pub(crate) notify: Targets,
}
