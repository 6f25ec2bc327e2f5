//! What the journal does, in numbers.

use std::time::Duration;

/// What the journal does, in numbers since it was opened, unless they say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The position of the next event.
    pub next: u64,
    /// The position of the oldest event that is kept.
    pub oldest: u64,
    /// Data files that are kept.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes that the slowest reader has before it.
    pub backlog_bytes: u64,
    /// The most that those may be.
    pub backlog_bytes_max: u64,
    /// Each reader, by name.
    pub readers: Vec<Backlog>,
    /// Events taken.
    pub appended: u64,
    /// Events that were there already.
    pub repeated: u64,
    /// Bytes written, with all that goes with the events.
    pub written_bytes: u64,
    /// Appends that failed, for whatever reason but `Behind`.
    pub failed: u64,
    /// Appends that were refused because readers are behind.
    pub behind: u64,
    /// Syncs of a group of appends.
    pub syncs: u64,
    /// How long writing and syncing took, all groups together.
    pub sync_time: Duration,
    /// The longest of them.
    pub sync_time_max: Duration,
    /// Keys that are remembered.
    pub keys: usize,
    /// The most that are.
    pub keys_max: usize,
    /// Events that were found lost, at opening and by readers.
    pub lost: u64,
    /// The last thing that went wrong without an append failing, as removing a file.
    pub trouble: Option<String>,
}

/// How far a reader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The reader's name.
    pub name: String,
    /// What is before this it does not need any more.
    pub released: u64,
    /// Events from there on.
    pub events: u64,
}
