//! What an engine may do and hold.

use std::time::Duration;

/// How an engine works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The cluster whose events these are; it is named in every alert. Empty where nobody said.
    pub cluster: String,
    /// How much later than a newer one an event may come and still be put in its place. What comes later than that is
    /// judged with what is still remembered.
    pub lateness: Duration,
    /// When the alert of a single event leaves.
    pub order: Order,
    /// What it may hold.
    pub limits: Limits,
}

/// When the alert of a single event leaves. What counts, or waits for another event, is always put in order first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// At once, for whoever waits for it.
    AtOnce,
    /// In order of event time, for whoever reads a report: the same events give the same alerts in the same order, however
    /// they were shuffled within [`Config::lateness`].
    ByTime,
}

impl Config {
    /// Webhook batches and log files of several API servers are seconds apart, an agent that was restarted a minute.
    pub const LATENESS: Duration = Duration::from_mins(2);
}

impl Default for Config {
    fn default() -> Self {
        Config {
            cluster: String::new(),
            lateness: Self::LATENESS,
            order: Order::ByTime,
            limits: Limits::default(),
        }
    }
}

/// The most that an engine holds. Whatever is given up for a limit is counted in [`crate::Counters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Groups of one rule: windows, started sequences, suppressed alerts. The one that was touched least recently goes.
    pub groups_per_rule_max: usize,
    /// Events or values in one window. The oldest goes, so a count never says more than this.
    pub events_per_window_max: usize,
    /// Keys that one first-seen rule remembers. The one that was not seen for longest goes, and is new again; which one that
    /// is may depend on the order in which events came.
    pub keys_per_rule_max: usize,
    /// Events in windows, steps of sequences, keys and groups of all rules together. The rule that holds most gives up
    /// its least recently touched group.
    pub entries_max: usize,
    /// Requests that are remembered as already counted. The oldest goes; a copy of it that comes then counts again.
    pub requests_max: usize,
    /// Matches that wait for their turn. Those of the event whose turn is next go first, early.
    pub waiting_max: usize,
    /// Bytes of the same.
    pub waiting_bytes_max: usize,
    /// Further events after which a match no longer waits: its clock was ahead of all others.
    pub waiting_events_max: u64,
    /// Events that an alert names: the last ones.
    pub evidence_max: usize,
    /// Characters of a summary, and of each text of an alert. What is longer is cut, and ends in `…`.
    pub text_chars_max: usize,
    /// Values of one detail of an alert, or of one field that is counted by value.
    pub values_max: usize,
    /// Different kinds of request (stage, verb, group, resource, subresource) for which the rules that can match are
    /// kept ready. One that was not used lately goes, and is worked out again.
    pub heads_max: usize,
    /// Combinations of such a kind of request with who asks, from where and about what, for which the same is done, in each of two
    /// generations. One that was not used lately goes.
    pub alike_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            groups_per_rule_max: 100_000,
            events_per_window_max: 10_000,
            keys_per_rule_max: 500_000,
            entries_max: 4_000_000,
            requests_max: 1 << 20,
            waiting_max: 200_000,
            waiting_bytes_max: 256 << 20,
            waiting_events_max: 2_000_000,
            evidence_max: 20,
            text_chars_max: 4096,
            values_max: 64,
            heads_max: 4096,
            alike_max: 4096,
        }
    }
}
