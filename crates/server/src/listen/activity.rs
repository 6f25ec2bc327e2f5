//! What a connection does, so that it can be told idle from slow.
//!
//! ```text
//! accepted ─► FRESH ── first byte ──► HEAD ── request ──► SERVING ── answered ──► IDLE ── byte ──► HEAD …
//! ```
//! A head must come within `head_time` of the connection or of its first byte; between requests there may be `idle_time`.
//! On HTTP/2 bytes come for many reasons, so there nothing but idleness counts after the first request.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::config::Limits;

/// What a connection does.
pub(super) struct Activity(Mutex<Doing>);

struct Doing {
    phase: Phase,
    since: Instant,
    requests: usize,
    /// It speaks HTTP/2.
    streams: bool,
    /// A body was refused before its end.
    cut: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Fresh,
    Head,
    Serving,
    Idle,
}

/// What to do with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing until then.
    Fine(Instant),
    /// It does nothing and has for long.
    Idle,
    /// It takes too long to say what it wants.
    Slow,
}

impl Activity {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Doing { phase: Phase::Fresh, since: now, requests: 0, streams: false, cut: false }))
    }

    /// Bytes have come.
    pub(super) fn read(&self, bytes: &[u8], now: Instant) {
        self.with(|doing| match doing.phase {
            Phase::Fresh => {
                doing.streams = bytes.starts_with(b"PRI");
                doing.phase = Phase::Head;
            }
            Phase::Idle if !doing.streams => (doing.phase, doing.since) = (Phase::Head, now),
            Phase::Idle | Phase::Head | Phase::Serving => {}
        });
    }

    /// A request has come.
    pub(super) fn begin(&self) {
        self.with(|doing| {
            doing.requests += 1;
            doing.phase = Phase::Serving;
        });
    }

    /// A request's answer is sent, or will never be.
    pub(super) fn end(&self, now: Instant) {
        self.with(|doing| {
            doing.requests -= 1;
            if doing.requests == 0 {
                (doing.phase, doing.since) = (Phase::Idle, now);
            }
        });
    }

    /// A body will not be read to its end.
    pub(super) fn cut(&self) {
        self.with(|doing| doing.cut = true);
    }

    /// Whether the other end may still be sending what nobody reads.
    pub(super) fn is_cut(&self) -> bool {
        self.with(|doing| doing.cut)
    }

    pub(super) fn verdict(&self, limits: &Limits, now: Instant) -> Verdict {
        self.with(|doing| {
            let (patience, verdict) = match doing.phase {
                Phase::Fresh | Phase::Head => (limits.head_time, Verdict::Slow),
                Phase::Idle => (limits.idle_time, Verdict::Idle),
                Phase::Serving => return Verdict::Fine(now + limits.head_time),
            };
            let until = doing.since + patience;
            // A connection that is idle now may begin a head in a moment, so it is looked at as often as that asks for.
            if until <= now { verdict } else { Verdict::Fine(until.min(now + limits.head_time)) }
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Doing) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { head_time: 10 * SECOND, idle_time: 120 * SECOND, ..Limits::default() }
    }

    fn verdict(activity: &Activity, at: Instant) -> Verdict {
        match activity.verdict(&limits(), at) {
            Verdict::Fine(until) => {
                assert!(until > at);
                Verdict::Fine(at)
            }
            other => other,
        }
    }

    #[test]
    fn a_head_must_come_in_time() {
        let start = Instant::now();
        let at = |seconds: u32| start + seconds * SECOND;
        let activity = Activity::new(start);
        assert_eq!(verdict(&activity, at(9)), Verdict::Fine(at(9)));
        assert_eq!(verdict(&activity, at(10)), Verdict::Slow);
        // A byte now and then does not help.
        activity.read(b"G", at(9));
        assert_eq!(verdict(&activity, at(10)), Verdict::Slow);
    }

    #[test]
    fn between_requests_there_is_more_time() {
        let start = Instant::now();
        let at = |seconds: u32| start + seconds * SECOND;
        let activity = Activity::new(start);
        activity.read(b"GET / HTTP/1.1\r\n\r\n", at(1));
        activity.begin();
        assert_eq!(verdict(&activity, at(500)), Verdict::Fine(at(500)));
        activity.end(at(500));
        assert_eq!(verdict(&activity, at(619)), Verdict::Fine(at(619)));
        assert_eq!(verdict(&activity, at(620)), Verdict::Idle);
        activity.read(b"G", at(619));
        assert_eq!(verdict(&activity, at(628)), Verdict::Fine(at(628)));
        assert_eq!(verdict(&activity, at(629)), Verdict::Slow);
    }

    #[test]
    fn pings_of_http_2_begin_no_head() {
        let start = Instant::now();
        let at = |seconds: u32| start + seconds * SECOND;
        let activity = Activity::new(start);
        activity.read(b"PRI * HTTP/2.0\r\n", at(1));
        activity.begin();
        activity.begin();
        activity.end(at(2));
        assert_eq!(verdict(&activity, at(200)), Verdict::Fine(at(200)));
        activity.end(at(200));
        activity.read(b"ping", at(230));
        assert_eq!(verdict(&activity, at(300)), Verdict::Fine(at(300)));
        assert_eq!(verdict(&activity, at(320)), Verdict::Idle);
    }
}
