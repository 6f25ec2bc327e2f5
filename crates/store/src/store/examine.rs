//! Whether the files are still what was written.
//!
//! A Parquet file tells damage only where it no longer decodes. What a flipped bit made of a value is told by the digest in the
//! catalogue alone, for which the whole file is read: so each file is read in full every now and then, and all of them soon
//! after a query could not read one.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use auditward_base::Hasher;
use auditward_base::disk::DiskFile;
use auditward_event::MicroTime;

use super::open::set_aside;
use super::seal::Change;
use super::{CATALOGUE, Damage, Refusal, Segment, State, Store, StoreError};

/// In doubt, a file that was read in full so shortly before is not read again.
const DOUBT_EVERY: Duration = Duration::from_mins(10);

/// What [`Store::scrub`] has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// How much it read; nothing if no file is due.
    pub bytes: u64,
    /// What is wrong with the file.
    pub damage: Option<Damage>,
    /// Whether other files should be read at once.
    pub in_doubt: bool,
}

/// What is known of a file after it was read in full.
enum Verdict {
    Whole,
    Damaged(String),
    /// The disk did not give it, which may pass.
    Refused(String),
}

impl Store {
    /// Looks whether a file is what the catalogue says, because reading it has failed. If it is not, it is set aside, and
    /// what is wrong with it is told; if it is, the failure was another's.
    ///
    /// A file that the disk does not give is never set aside: what a disk refuses now it may give later. It is told, and left
    /// out of compaction, and of snapshots if it happens several times in a row, until it is given again.
    pub fn suspect(&self, segment: &Segment) -> Result<Option<Damage>, StoreError> {
        let _work = self.work();
        let id = segment.meta.id;
        if !self.state().segments.iter().any(|known| known.meta.id == id) {
            return Ok(None);
        }
        let told = |problem| Damage { file: segment.meta.file.clone(), problem, rows: segment.meta.rows };
        let damage = match self.examine(segment) {
            Verdict::Whole => {
                self.state().refused.remove(&id);
                return Ok(None);
            }
            Verdict::Damaged(problem) => told(problem),
            Verdict::Refused(problem) => {
                let told = told(problem);
                let mut state = self.state();
                let times = state.refused.get(&id).map_or(1, |before| before.times.saturating_add(1));
                state.refused.insert(id, Refusal { times, told: told.clone() });
                return Ok(Some(told));
            }
        };
        self.publish(Change { gone: [id].into(), ..Default::default() })?;
        // It is evidence, perhaps: it is not removed with the last snapshot that holds it.
        segment.doomed.store(false, Ordering::Release);
        // It may be gone altogether.
        _ = set_aside(&*self.inner.bin.disk, &segment.path);
        _ = self.inner.sync_folder();
        self.state().damaged.push(damage.clone());
        Ok(Some(damage))
    }

    /// Reads every file in full, sets aside those that are not what the catalogue says, and tells them.
    pub fn verify(&self) -> Result<Vec<Damage>, StoreError> {
        let segments = self.state().segments.clone();
        let mut damaged = Vec::new();
        for segment in segments {
            damaged.extend(self.suspect(&segment)?);
        }
        Ok(damaged)
    }

    /// A query could not read something: [`Store::scrub`] is to go through all files.
    pub fn doubt(&self) {
        self.state().in_doubt = true;
    }

    /// Reads one file in full: that which was neither read so nor written for the longest time, if that is as long as `every`.
    /// Like [`Store::suspect`], it sets aside what is damaged.
    pub fn scrub(&self, now: MicroTime, every: Duration) -> Result<Scrubbed, StoreError> {
        let Some(segment) = self.most_due(now, every) else {
            self.state().in_doubt = false;
            return Ok(Scrubbed::default());
        };
        let damage = self.suspect(&segment)?;
        let mut state = self.state();
        state.examined.insert(segment.meta.id, now.as_micros());
        Ok(Scrubbed { bytes: segment.meta.bytes, damage, in_doubt: state.in_doubt })
    }

    fn most_due(&self, now: MicroTime, every: Duration) -> Option<Arc<Segment>> {
        let now = now.as_micros();
        let mut state = self.state();
        let State { segments, examined, in_doubt, .. } = &mut *state;
        let known: BTreeSet<u64> = segments.iter().map(|segment| segment.meta.id).collect();
        examined.retain(|id, _| known.contains(id));
        let every = if *in_doubt { DOUBT_EVERY } else { every };
        let before = now.saturating_sub(i64::try_from(every.as_micros()).unwrap_or(i64::MAX));
        let last = |segment: &Segment| match examined.get(&segment.meta.id) {
            Some(examined) => *examined,
            None if *in_doubt => i64::MIN,
            None => segment.meta.received.1,
        };
        // A clock that was put back is no reason to wait for it.
        let is_due = |last: i64| last <= before || last > now;
        let due = segments.iter().map(|segment| (last(segment), segment)).filter(|(last, _)| is_due(*last));
        due.min_by_key(|(last, segment)| (*last, segment.meta.id)).map(|(_, segment)| Arc::clone(segment))
    }

    fn examine(&self, segment: &Segment) -> Verdict {
        let disk = &self.inner.bin.disk;
        match disk.open(&segment.path).and_then(|file| digest(&*file)) {
            Ok(digest) if digest == segment.meta.digest => Verdict::Whole,
            Ok(_) => Verdict::Damaged("its digest is not that of what was written".to_owned()),
            // Where the catalogue is gone as well, nobody has removed a file: the whole folder is not there for now.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match disk.open(&self.inner.config.folder.join(CATALOGUE)) {
                    Ok(_) => Verdict::Damaged("it is gone".to_owned()),
                    Err(_) => Verdict::Refused("it is gone, and so is the catalogue".to_owned()),
                }
            }
            Err(error) => Verdict::Refused(format!("it cannot be read: {error}")),
        }
    }
}

/// The digest of a whole file.
pub(super) fn digest(file: &dyn DiskFile) -> Result<String, Error> {
    let mut hasher = Hasher::default();
    let mut piece = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let read = file.read_at(at, &mut piece)?;
        if read == 0 {
            return Ok(hasher.finish().to_string());
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        at += read as u64;
    }
}
