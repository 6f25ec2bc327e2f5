//! Alerts, and what people did about them: a log that is only ever appended to.
//!
//! ```text
//! alerts-0000000000000001.log        named after the first number that may be in it
//!   1f00ba5e {"head":{"version":1,"first":1}}
//!   c0ffee00 {"alert":{"seq":1,"id":"…","time":…,"rule":"…","severity":"…","cluster":"…","json":{…}}}
//!   0badcafe {"triage":{"seq":1,"state":"acknowledged","note":"…","by":"…","at":…}}
//!   └──────┘ CRC-32C of the rest of the line, hexadecimal
//! ```
//! What was appended is on the disk when the call returns. An alert has a number, `seq`, that grows and is never given twice,
//! and an id of the engine's; of one id there is one alert, however often it is found, before and after a restart, as long as
//! it is kept. A line that is damaged is passed over and told; a last line that is half there is cut off.

mod line;
mod log;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use auditward_event::MicroTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use log::AlertLog;

use crate::store::Damage;

/// How long a note may be.
pub const NOTE_BYTES_MAX: usize = 4096;
/// How often something may be done about an alert before the first times are forgotten.
pub const HISTORY_MAX: usize = 50;
/// How large the JSON of an alert may be.
pub const ALERT_BYTES_MAX: usize = 4 << 20;

/// How a log works.
#[derive(Clone, Debug)]
pub struct AlertConfig {
    /// Where its files are. Made if it is not there.
    pub folder: PathBuf,
    /// A file that is larger is followed by another one.
    pub file_bytes: u64,
    /// So many alerts are kept at least before the oldest file goes; what is known of each takes some 300 bytes of memory.
    pub alerts_max: usize,
    /// How long alerts are kept at least; for ever if nobody says.
    pub age: Option<Duration>,
}

impl AlertConfig {
    /// For a folder, with what suits most.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        AlertConfig { folder: folder.into(), file_bytes: 4 << 20, alerts_max: 100_000, age: None }
    }

    /// So many alerts are kept at least for those who have still to be told of them.
    pub const fn held_max(&self) -> usize {
        self.alerts_max.saturating_mul(2)
    }
}

/// An alert to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewAlert<'a> {
    /// The same for the same finding.
    pub id: &'a str,
    /// When what it tells of happened.
    pub time: MicroTime,
    /// The rule's id.
    pub rule: &'a str,
    /// The severity's word.
    pub severity: &'a str,
    /// The cluster.
    pub cluster: &'a str,
    /// All of it, as JSON in one line.
    pub json: &'a str,
}

/// An alert that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    /// Its number.
    pub seq: u64,
    /// The same for the same finding.
    pub id: String,
    /// When what it tells of happened.
    pub time: MicroTime,
    /// The rule's id.
    pub rule: String,
    /// The severity's word.
    pub severity: String,
    /// The cluster.
    pub cluster: String,
    /// All that was done about it, the oldest first; only the last [`HISTORY_MAX`] times are told, the log has all.
    pub history: Vec<Triage>,
    /// All of it, as JSON.
    pub json: String,
}

impl StoredAlert {
    /// Where it stands.
    pub fn state(&self) -> TriageState {
        state_after(&self.history)
    }
}

/// Where an alert stands after all that was done about it, the oldest first.
fn state_after(history: &[Triage]) -> TriageState {
    history.last().map(|triage| triage.state).unwrap_or_default()
}

/// What was done about an alert.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Triage {
    /// Where it stands.
    pub state: TriageState,
    /// Why; empty if nobody said.
    pub note: String,
    /// Who said so; empty while nobody has.
    pub by: String,
    /// When.
    pub at: Option<MicroTime>,
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriageState {
    /// Nobody has looked at it.
    #[default]
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// Nothing is left to do.
    Closed,
}

impl TriageState {
    /// All of them.
    pub const ALL: [TriageState; 3] = [TriageState::Open, TriageState::Acknowledged, TriageState::Closed];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            TriageState::Open => "open",
            TriageState::Acknowledged => "acknowledged",
            TriageState::Closed => "closed",
        }
    }
}

/// Which alerts; all that is empty is not asked.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Any of these rules.
    pub rules: Vec<String>,
    /// Any of these severities.
    pub severities: Vec<String>,
    /// Any of these clusters.
    pub clusters: Vec<String>,
    /// Any of these states.
    pub states: Vec<TriageState>,
    /// Not earlier.
    pub since: Option<MicroTime>,
    /// Earlier.
    pub until: Option<MicroTime>,
}

/// Some alerts, the newest number first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertPage {
    /// In the order of their numbers, downwards.
    pub alerts: Vec<StoredAlert>,
    /// Ask for those before this number next; `None` if there are no more.
    pub next: Option<u64>,
}

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertsRecovered {
    /// Alerts that are there.
    pub alerts: usize,
    /// The number of the next one.
    pub next: u64,
    /// Bytes of a last line that was half written. No call had returned for it.
    pub cut_bytes: u64,
    /// Lines that could not be read, by file. The others of the file have been.
    pub damaged: Vec<Damage>,
}

/// How many alerts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertStatus {
    /// All that are kept.
    pub alerts: usize,
    /// Of those, that nobody has looked at.
    pub open: usize,
    /// The greatest number that was given; 0 before the first.
    pub last: u64,
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Why something was not written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AlertError {
    /// The system would not have it. Nothing was appended; it may be tried again.
    #[error("could not use `{}`", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// By a later version.
    #[error("`{}` has version {found}, and the newest that is known here is {VERSION}", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// An alert that is no JSON in one line, or more than [`ALERT_BYTES_MAX`].
    #[error("alert `{id}` is no JSON of one line with at most {ALERT_BYTES_MAX} bytes")]
    Malformed {
        /// Its id.
        id: String,
    },
    /// There is no alert of this id, or it is no longer kept.
    #[error("there is no alert `{id}`")]
    Unknown {
        /// Which.
        id: String,
    },
    /// More than [`NOTE_BYTES_MAX`].
    #[error("a note has at most {NOTE_BYTES_MAX} bytes, this one has {bytes}")]
    LongNote {
        /// How many it has.
        bytes: usize,
    },
}

/// The version that is written.
pub const VERSION: u64 = 1;
