//! How a target fares, for metrics and for people.

use serde::Serialize;

/// What became of the alerts for one target. Counts are of alerts and begin with the process, save for `queued`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The target's name.
    pub target: String,
    /// What it is: `webhook`, `alertmanager` …
    pub kind: &'static str,
    /// Read from the feed and not settled yet: waiting for its group, or for the target. Never more than
    /// [`queue::PENDING_MAX`](crate::queue::PENDING_MAX); what is beyond stays in the feed.
    pub queued: u64,
    /// Acknowledged by the target.
    pub sent: u64,
    /// Told again because nobody had acknowledged them, and taken (not in `sent`).
    pub repeated: u64,
    /// Left out by the target's filter.
    pub filtered: u64,
    /// Given up and written to the file of dead letters.
    pub dead: u64,
    /// Queued before a restart, and no longer in the feed after it.
    pub lost: u64,
    /// Deliveries that the target did not take; each is counted as often as it was tried.
    pub failed: u64,
    /// Deliveries in a row that failed: 0 for a target that works.
    pub failing: u32,
    /// The number of the last alert read from the feed.
    pub read: u64,
    /// The number of the oldest alert that is still needed from the feed; whatever is before may be thrown away.
    pub needs: u64,
    /// When the target last took something, in microseconds since 1970.
    pub last_success: Option<i64>,
    /// The last thing that went wrong; it stays when the target works again.
    pub last_error: Option<Happened>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Happened {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// What, for people; without secrets.
    pub what: String,
}
