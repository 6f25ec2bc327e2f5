//! Events out of what was posted: an `EventList`, one `Event`, or one a line; compressed or not.
//!
//! kube-apiserver's webhook posts an `EventList`, an agent posts lines. Each event is checked in full before it is handed
//! out, so that nothing broken is ever written down; what is wrong with one says where it stands, and costs no other.
//!
//! Invariant: no more than [`Limits::body_bytes_max`] of a body is ever unpacked.

mod agent;
mod limited;
#[cfg(test)]
mod tests;

use auditward_event::{EventView, Events, JsonError, Place, ReadError};
use thiserror::Error;

pub use agent::{AgentBatch, HeaderError};

use limited::{Exceeded, Limited};

/// How much may come in at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event. A request to an API server, and so each body in an event, is at most 3 MiB.
    pub event_bytes_max: usize,
    /// Events in one body. kube-apiserver's batches have 400 unless told otherwise.
    pub events_max: usize,
    /// Bytes of a body, after decompression. kube-apiserver's batches have at most 10 MiB.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { event_bytes_max: 16 << 20, events_max: 100_000, body_bytes_max: 64 << 20 }
    }
}

/// Why a body, or something in it, is not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// More than [`Limits::body_bytes_max`]; nothing more of it is read.
    #[error("the body is larger than {limit} bytes after decompression; send smaller batches")]
    BodyTooLarge {
        /// The limit.
        limit: usize,
    },
    /// More events than [`Limits::events_max`]; nothing more of it is read.
    #[error("more than {limit} events in one body; send smaller batches")]
    TooManyEvents {
        /// The limit.
        limit: usize,
    },
    /// An event larger than [`Limits::event_bytes_max`].
    #[error("{place}: an event of {bytes} bytes, more than {limit}")]
    EventTooLarge {
        /// Where it starts.
        place: Place,
        /// How large it is.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// An event that is no JSON within.
    #[error("{place}: in the event that begins here: {problem}")]
    Broken {
        /// Where it starts.
        place: Place,
        /// What is wrong, and at which byte of it.
        problem: JsonError,
    },
    /// An item of a list with nothing that tells an event: alone it would be refused for want of a `kind`.
    #[error("{place}: item {item} of the body is no audit event: it has neither `auditID` nor `stage`")]
    NotAnEvent {
        /// Where it starts.
        place: Place,
        /// Which it is of all that is in the body, counted from one.
        item: usize,
    },
    /// Something that is no event.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl IntakeError {
    /// Whether smaller batches would help: then the answer is 413, else 400.
    pub const fn is_too_large(&self) -> bool {
        matches!(self, Self::BodyTooLarge { .. } | Self::TooManyEvents { .. } | Self::EventTooLarge { .. })
            || matches!(self, Self::Read(ReadError::TooLong { .. }))
    }

    /// Whether nothing behind it is read: the body as a whole is too much.
    pub const fn ends_body(&self) -> bool {
        matches!(self, Self::BodyTooLarge { .. } | Self::TooManyEvents { .. })
    }
}

/// Reads the events of a body. Gzip is recognised, whatever the headers say.
pub fn read<'b>(body: &'b [u8], limits: &Limits) -> Result<Batch<'b>, IntakeError> {
    if body.len() > limits.body_bytes_max {
        return Err(IntakeError::BodyTooLarge { limit: limits.body_bytes_max });
    }
    let exceeded = Exceeded::default();
    let body = Limited::new(body, limits.body_bytes_max, exceeded.clone());
    let events = Events::with_limit(body, limits.body_bytes_max.saturating_add(1));
    Ok(Batch { events, exceeded, limits: *limits, seen: 0, over: false })
}

/// The events of one body, each checked in full.
pub struct Batch<'b> {
    events: Events<Limited<'b>>,
    exceeded: Exceeded,
    limits: Limits,
    seen: usize,
    over: bool,
}

impl Batch<'_> {
    /// The next event, or what stands in its place; `None` after the last. After an error there may be more, unless the
    /// body as a whole is too much.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend")]
    pub fn next(&mut self) -> Option<Result<EventView<'_>, IntakeError>> {
        if self.over {
            return None;
        }
        let next = self.events.next();
        if self.exceeded.get() {
            self.over = true;
            return Some(Err(IntakeError::BodyTooLarge { limit: self.limits.body_bytes_max }));
        }
        let next = next?;
        if self.seen == self.limits.events_max {
            self.over = true;
            return Some(Err(IntakeError::TooManyEvents { limit: self.limits.events_max }));
        }
        self.seen += 1;
        let item = self.seen;
        Some(next.map_err(IntakeError::from).and_then(|event| {
            let (place, bytes, limit) = (event.place, event.view.len(), self.limits.event_bytes_max);
            if bytes > limit {
                return Err(IntakeError::EventTooLarge { place, bytes, limit });
            }
            let is_event = event.view.get("auditID").is_some() || event.view.get("stage").is_some();
            if event.in_list && !is_event {
                return Err(IntakeError::NotAnEvent { place, item });
            }
            let checked = event.view.validate();
            checked.map(|()| event.view).map_err(|problem| IntakeError::Broken { place, problem })
        }))
    }
}
