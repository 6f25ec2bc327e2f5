//! Event time inside the engine.

use std::time::Duration;

/// Microseconds since 1970; what an event's own time stamps have.
pub(crate) type Micros = i64;

/// So many seconds, or as many as there are.
pub(crate) fn seconds(seconds: u64) -> Micros {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}

pub(crate) fn micros(duration: Duration) -> Micros {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
