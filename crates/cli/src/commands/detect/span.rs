//! From when to when events are looked at.

use auditward_event::{EventView, MicroTime};

use crate::ask;
use crate::exit::Failure;

/// From when to when, as it was typed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SpanArgs {
    /// Only events from then on: 90d, today, a date, or a time
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    since: Option<String>,
    /// Only events before then
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<String>,
}

/// From when to when; the end is outside.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) since: Option<MicroTime>,
    pub(super) until: Option<MicroTime>,
}

impl SpanArgs {
    /// The times that are meant. What is no time is refused here, before anything is read.
    pub(super) fn parse(&self) -> Result<Span, Failure> {
        Ok(Span { since: ask::time(self.since.as_deref())?, until: ask::time(self.until.as_deref())? })
    }
}

impl Span {
    /// Whether all times are within.
    pub(super) fn is_open(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    pub(super) fn holds(self, time: MicroTime) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

/// When an event happened, as far as it tells.
pub(super) fn moment(event: &EventView<'_>) -> Option<MicroTime> {
    event.stage_time().or_else(|| event.request_received())
}
