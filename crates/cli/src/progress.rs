//! How far a long reading is, on stderr when a person watches.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// A line that is redrawn a few times a second, and only once the work has taken a while.
pub(crate) struct Progress {
    on: bool,
    began: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// Nothing is drawn before this has passed: most logs are read by then.
    const PATIENCE: Duration = Duration::from_millis(700);
    const INTERVAL: Duration = Duration::from_millis(200);

    pub(crate) fn new() -> Self {
        Self { on: io::stderr().is_terminal(), began: Instant::now(), drawn: None }
    }

    /// Says that so many events and bytes have been read. Cheap enough to be told after every event.
    pub(crate) fn tick(&mut self, events: u64, bytes: u64) {
        const LOOK_EVERY: u64 = 1024;
        if !self.on || !events.is_multiple_of(LOOK_EVERY) {
            return;
        }
        let now = Instant::now();
        let waited = now.duration_since(self.drawn.unwrap_or(self.began));
        if waited < (if self.drawn.is_some() { Self::INTERVAL } else { Self::PATIENCE }) {
            return;
        }
        self.drawn = Some(now);
        let rate = bytes as f64 / now.duration_since(self.began).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive rate, shown rounded"
        )]
        let rate = super::output::bytes(rate as u64);
        _ = write!(io::stderr().lock(), "\r\x1b[K{events} events, {}, {rate}/s", super::output::bytes(bytes));
    }
}

/// Takes the line away, however the reading ended.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}
