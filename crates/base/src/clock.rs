//! What time it is. Everything else takes the time as an argument, so that tests can replay it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The machine's wall clock. Only what begins a piece of work asks it.
#[expect(clippy::disallowed_methods, reason = "the one place that does")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Microseconds since 1970-01-01T00:00:00Z; 0 for a clock that is set before that.
pub fn micros(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
