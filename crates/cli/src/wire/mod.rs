//! Where parts meet: a running server, a file a part. No part knows another; what one hands the next is said here and nowhere
//! else.
//!
//! ```text
//! tail ───┐                         ┌─► detect ──► alert log ──► notify
//!         ├─► intake ──► journal ───┤                 ▲
//! HTTP ───┘   redact     fsync      └─► keep ──► store│
//!                                                 ▲   │
//!                         HTTP ──────────► trail ─┘ triage, rules, health, metrics
//! ```
//! Invariant: an event is acknowledged when the journal has it on disk, and leaves the journal when everything behind has what
//! it needs of it on disk. So each worker can be killed at any moment and does its last stretch again; alerts have ids and rows
//! have positions, by which what is done twice counts once.

mod detect;
mod feed;
mod folder;
mod health;
mod intake;
mod keep;
mod live;
mod metrics;
mod rules;
mod sparing;
mod stop;
mod tail;
mod targets;
mod trail;
mod triage;
mod worker;

use std::error::Error;

pub(crate) use folder::{Folder, Parts};
pub(crate) use health::Health;
pub(crate) use live::{Live, Numbers, redaction_rules, rule_set, tls};
pub(crate) use metrics::Metrics;
pub(crate) use stop::Stop;

/// An error with all that is behind it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line += &format!(": {cause}");
        source = cause.source();
    }
    line
}
