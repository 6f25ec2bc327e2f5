//! Events that were acknowledged and not yet worked on.

use serde::Deserialize;

use super::Size;

/// `journal:`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Journal {
    /// How much may wait to be worked on. When it is full, logs are not read on and senders are told to come back.
    pub(crate) backlog: Size,
    /// How many events are remembered as already taken, so that a copy is told from a new one.
    pub(crate) known_events: usize,
}

impl Default for Journal {
    fn default() -> Self {
        Journal { backlog: Size(4 << 30), known_events: 1_000_000 }
    }
}
