//! Journal → store, and what keeps the store in shape.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use auditward_base::clock;
use auditward_event::MicroTime;
use auditward_journal::{Journal, Reader, Record, Records};
use auditward_store::alerts::AlertLog;
use auditward_store::columns::Row;
use auditward_store::{AppendError, Damage, Store};

use super::targets::Targets;
use super::worker::{self, Next};
use super::{Health, Stop};
use crate::exit::{Failure, context};
use crate::output;

/// The name under which the journal knows this reader.
pub(super) const READER: &str = "store";

const EVENTS_MAX: usize = 4096;
const BYTES_MAX: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_millis(250);

/// How often files are put together and old ones removed.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// How often each file is read in full, and how fast, so that nobody notices.
const SCRUB_EVERY: Duration = Duration::from_hours(7 * 24);
const SCRUB_BYTES_A_SECOND: u64 = 2 << 20;

/// How far the store is, for whoever follows.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    position: Arc<(Mutex<u64>, Condvar)>,
}

impl Kept {
    /// All events before this one have been looked at.
    pub(super) fn position(&self) -> u64 {
        *self.position.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, position: u64) {
        let (known, changed) = &*self.position;
        *known.lock().unwrap_or_else(PoisonError::into_inner) = position;
        changed.notify_all();
    }

    /// Waits until there are events from `position` on; false if there are none after so long.
    pub(super) fn wait_beyond(&self, position: u64, at_most: Duration) -> bool {
        let (known, changed) = &*self.position;
        let waiting = known.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, _) = changed
            .wait_timeout_while(waiting, at_most, |known| *known <= position)
            .unwrap_or_else(PoisonError::into_inner);
        *known > position
    }
}

struct Work {
    journal: Journal,
    reader: Reader,
    store: Store,
    kept: Kept,
    /// Read, and not in the store yet.
    pending: Option<Records>,
}

/// Starts the worker that fills the store.
pub(super) fn start(
    journal: &Journal,
    store: &Store,
    kept: &Kept,
    stop: &Stop,
    health: &Health,
) -> Result<JoinHandle<()>, Failure> {
    let position = store.status().position.max(journal.status().oldest);
    kept.set(position);
    let work = Work {
        journal: journal.clone(),
        reader: journal.reader(READER, position),
        store: store.clone(),
        kept: kept.clone(),
        pending: None,
    };
    worker::start(READER, stop, health, work, Work::step, Work::seal)
}

impl Work {
    fn step(&mut self) -> Result<Next, Failure> {
        if self.pending.is_none() {
            self.pending = self
                .reader
                .next(EVENTS_MAX, BYTES_MAX, PATIENCE)
                .map_err(context("could not read the journal"))?;
        }
        let now = now();
        if let Some(records) = &self.pending {
            let rows: Vec<Row<'_>> = records.iter().map(|record| row(&record, now)).collect();
            match self.store.append(&rows) {
                Ok(_) => {
                    self.kept.set(records.end());
                    self.pending = None;
                }
                Err(AppendError::Full { .. }) => {}
                Err(error) => return Err(context("could not keep events")(error)),
            }
        }
        if self.pending.is_some() || self.store.is_due(now) {
            self.seal()?;
        }
        Ok(Next::Now)
    }

    fn seal(&mut self) -> Result<(), Failure> {
        let sealed = self.store.seal().map_err(context("could not write events into the store"))?;
        if let Some(position) = sealed {
            self.journal.release(READER, position);
        }
        Ok(())
    }
}

fn row<'r>(record: &Record<'r>, received: MicroTime) -> Row<'r> {
    Row { position: record.position, cluster: record.cluster, received, event: record.event }
}

/// Starts the worker that puts files together and removes old ones.
pub(super) fn tidy(
    store: &Store,
    alerts: &AlertLog,
    targets: Targets,
    stop: &Stop,
    health: &Health,
) -> Result<JoinHandle<()>, Failure> {
    let work = (store.clone(), alerts.clone(), Vec::new());
    let step = move |(store, alerts, told): &mut (Store, AlertLog, Vec<Damage>)| {
        // One that fails keeps the others from nothing.
        let retained = store.retain(now()).map_err(context("could not remove what is too old"));
        let compacted = store.compact().map_err(context("could not put files together"));
        if let Ok(report) = &compacted {
            // What the disk refuses is found each time.
            report.damaged.iter().filter(|damage| !told.contains(damage)).for_each(tell);
            told.clone_from(&report.damaged);
        }
        let removed = alerts.retain(now(), targets.needed()).map_err(context("could not remove old alerts"));
        retained?;
        compacted?;
        removed?;
        Ok(Next::After(TIDY_EVERY))
    };
    worker::start("tidy", stop, health, work, step, |_| Ok(()))
}

/// Starts the worker that reads files to see whether they are still what was written.
pub(super) fn scrub(store: &Store, stop: &Stop, health: &Health) -> Result<JoinHandle<()>, Failure> {
    let step = |store: &mut Store| {
        let scrubbed =
            store.scrub(now(), SCRUB_EVERY).map_err(context("could not set a damaged file aside"))?;
        scrubbed.damage.iter().for_each(tell);
        if scrubbed.in_doubt {
            return Ok(Next::Now);
        }
        Ok(Next::After(Duration::from_secs(1 + scrubbed.bytes / SCRUB_BYTES_A_SECOND)))
    };
    worker::start("scrub", stop, health, store.clone(), step, |_| Ok(()))
}

fn tell(damage: &Damage) {
    output::talk(&format!("store: `{}`: {}; {} events are in it", damage.file, damage.problem, damage.rows));
}

pub(super) fn now() -> MicroTime {
    MicroTime::from_micros(clock::micros(clock::now()))
}
