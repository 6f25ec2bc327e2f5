//! The word to stop, heard by every worker.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Given once, never taken back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    given: Arc<(Mutex<bool>, Condvar)>,
}

impl Stop {
    /// Everyone is to stop.
    pub(crate) fn give(&self) {
        let (given, changed) = &*self.given;
        *given.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    pub(crate) fn is_given(&self) -> bool {
        *self.given.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until it is given; true then.
    pub(crate) fn wait(&self, at_most: Duration) -> bool {
        let (given, changed) = &*self.given;
        let waiting = given.lock().unwrap_or_else(PoisonError::into_inner);
        let (given, _) = changed
            .wait_timeout_while(waiting, at_most, |given| !*given)
            .unwrap_or_else(PoisonError::into_inner);
        *given
    }
}
