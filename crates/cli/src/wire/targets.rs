//! Those who send alerts out, for as long as the server runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auditward_notify::{Feed, Notifier, Settings, Status, Stopped};

use crate::exit::{Failure, context};
use crate::output;

/// The targets of alerts at work; none once they were stopped. Clones are the same.
#[derive(Clone)]
pub(super) struct Targets(Arc<Mutex<Option<Notifier>>>);

impl Targets {
    pub(super) fn start(
        targets: auditward_notify::Targets,
        feed: &Arc<dyn Feed>,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let settings = Settings { targets, folder, stdout: Box::new(std::io::stdout()) };
        let notifier = Notifier::start(settings, feed).map_err(context("could not start sending alerts"))?;
        Ok(Targets(Arc::new(Mutex::new(Some(notifier)))))
    }

    /// There are new alerts.
    pub(super) fn wake(&self) {
        if let Some(notifier) = &*self.lock() {
            notifier.wake();
        }
    }

    /// How they fare.
    pub(super) fn status(&self) -> Vec<Status> {
        self.lock().as_ref().map(Notifier::status).unwrap_or_default()
    }

    /// The first alert that one of them has still to be told of.
    pub(super) fn needed(&self) -> u64 {
        match &*self.lock() {
            Some(notifier) => notifier.status().iter().map(|status| status.needs).min().unwrap_or(u64::MAX),
            // Nobody knows any more.
            None => 0,
        }
    }

    /// Puts others into their place, or the same with files that were read again.
    pub(super) fn change(&self, targets: auditward_notify::Targets) -> Result<(), Failure> {
        let changed = self.lock().as_ref().map_or(Ok(()), |notifier| notifier.change(targets));
        changed.map_err(context("could not take other targets of alerts"))
    }

    /// Ends them. What was being told is told again after the next start.
    pub(super) fn stop(&self, within: Duration) {
        let Some(notifier) = self.lock().take() else { return };
        if let Stopped::Waiting(targets) = notifier.stop(within) {
            output::talk(&format!(
                "still waiting for {}: what it was told is told again",
                targets.join(", ")
            ));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Notifier>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
