//! Those who send alerts out, and how they are exchanged while the server runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use auditward_notify::{Feed, Notifier, Settings, StartError, Status, Stopped};

use super::chain;
use crate::exit::{Failure, context};
use crate::output;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at surprises")]
mod tests;

/// Longer than any target may take to answer, which is five minutes at most.
const LONGEST: Duration = Duration::from_mins(10);

/// The targets of alerts at work. Clones are the same.
#[derive(Clone)]
pub(super) struct Targets(Arc<Shared>);

struct Shared {
    feed: Arc<dyn Feed>,
    /// Where queues are kept.
    folder: PathBuf,
    state: Mutex<State>,
}

enum State {
    AtWork(Notifier),
    /// The old ones finish what they are at.
    Changing,
    /// Neither new ones nor the old ones could be started.
    Broken,
    /// For good.
    Stopped,
}

impl Targets {
    pub(super) fn start(
        targets: auditward_notify::Targets,
        feed: Arc<dyn Feed>,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let shared = Shared { feed, folder, state: Mutex::new(State::Changing) };
        *shared.lock() =
            State::AtWork(shared.notifier(targets).map_err(context("could not start sending alerts"))?);
        Ok(Targets(Arc::new(shared)))
    }

    /// There are new alerts.
    pub(super) fn wake(&self) {
        if let State::AtWork(notifier) = &*self.0.lock() {
            notifier.wake();
        }
    }

    /// How they fare; nothing while they are exchanged.
    pub(super) fn status(&self) -> Vec<Status> {
        match &*self.0.lock() {
            State::AtWork(notifier) => notifier.status(),
            State::Changing | State::Broken | State::Stopped => Vec::new(),
        }
    }

    /// The first alert that one of them has still to be told of.
    pub(super) fn needed(&self) -> u64 {
        match &*self.0.lock() {
            State::AtWork(notifier) => {
                notifier.status().iter().map(|status| status.needs).min().unwrap_or(u64::MAX)
            }
            // Nobody knows.
            State::Changing | State::Broken | State::Stopped => 0,
        }
    }

    /// Puts others into their place, or the same with files that were read again. Mistakes are told at once; the exchange
    /// itself goes on by itself, because a delivery may wait long for its answer, and a queue has one owner at a time.
    /// Alerts wait meanwhile.
    pub(super) fn change(&self, targets: auditward_notify::Targets) -> Result<(), Failure> {
        let mistakes = targets.check();
        if !mistakes.is_empty() {
            let failed = context("could not take other targets of alerts");
            return Err(failed(StartError::Mistakes(mistakes)));
        }
        let mut state = self.0.lock();
        let old = match std::mem::replace(&mut *state, State::Changing) {
            State::AtWork(old) => Some(old),
            State::Broken => None,
            State::Stopped => {
                *state = State::Stopped;
                return Ok(());
            }
            State::Changing => {
                return Err(Failure::new("the targets of alerts are being changed already")
                    .hint("one of them takes long to answer; try again in a minute"));
            }
        };
        drop(state);
        let shared = Arc::clone(&self.0);
        let run = move || shared.exchange(old, targets);
        let started = thread::Builder::new().name("notify change".to_owned()).spawn(run);
        started.map(drop).map_err(|error| {
            *self.0.lock() = State::Broken;
            context("could not start a thread, so no alert is sent until the next reload")(error)
        })
    }

    /// Ends them. What was being told is told again after the next start.
    pub(super) fn stop(&self, within: Duration) {
        let old = std::mem::replace(&mut *self.0.lock(), State::Stopped);
        let State::AtWork(notifier) = old else { return };
        if let Stopped::Waiting(targets) = notifier.stop(within) {
            output::talk(&format!(
                "still waiting for {}: what it was told is told again",
                targets.join(", ")
            ));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notifier(&self, targets: auditward_notify::Targets) -> Result<Notifier, StartError> {
        let (folder, stdout) = (self.folder.clone(), Box::new(std::io::stdout()));
        Notifier::start(Settings { targets, folder, stdout }, &self.feed)
    }

    fn exchange(&self, old: Option<Notifier>, new: auditward_notify::Targets) {
        let before = old.as_ref().map(|old| old.targets().clone());
        if let Some(Stopped::Waiting(names)) = old.map(|old| old.stop(LONGEST)) {
            let names = names.join(", ");
            output::talk(&format!("reload: {names} does not end, so no alert is sent until a restart"));
            return;
        }
        let mut started = self.notifier(new);
        if let (Err(error), Some(before)) = (&started, before) {
            output::talk(&format!("reload: the targets of alerts stay as they were: {}", chain(error)));
            started = self.notifier(before);
        }
        let mut state = self.lock();
        if matches!(*state, State::Stopped) {
            return;
        }
        *state = started.map_or_else(
            |error| {
                output::talk(&format!("no alert is sent until the next reload: {}", chain(&error)));
                State::Broken
            },
            State::AtWork,
        );
    }
}
