//! Waking threads that wait for news or for a time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// News are counted, so that what comes between looking and waiting is not slept over.
#[derive(Debug, Default)]
pub(crate) struct Waker {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    news: u64,
    stopped: bool,
}

/// What a waiter knows already.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known(u64);

impl Waker {
    /// What there is to know now: ask before looking for work.
    pub(crate) fn known(&self) -> Known {
        Known(self.lock().news)
    }

    pub(crate) fn stopped(&self) -> bool {
        self.lock().stopped
    }

    pub(crate) fn wake(&self) {
        self.lock().news += 1;
        self.changed.notify_all();
    }

    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.news += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Takes [`Waker::stop`] back.
    pub(crate) fn go_on(&self) {
        self.lock().stopped = false;
    }

    /// Returns at news that `known` does not include, or when `within` is over.
    pub(crate) fn wait(&self, known: Known, within: Duration) {
        let nothing_new = |state: &mut State| state.news == known.0;
        let waited = self.changed.wait_timeout_while(self.lock(), within, nothing_new);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A counter and a flag are whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
