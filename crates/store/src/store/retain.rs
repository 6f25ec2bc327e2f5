//! What is too old, or too much, goes, a file at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use auditward_base::disk::is_full;
use auditward_event::MicroTime;

use super::seal::Change;
use super::{Report, Segment, Store, StoreError};

impl Store {
    /// Removes the files that the limits of their clusters do not allow any more. A file goes once all its events are too old,
    /// so some are kept a little longer: compaction sees to it that it is at most an eighth longer.
    ///
    /// How old an event is, its own time says, but never a time after it was received: a clock that is wrong cannot keep a
    /// file for ever.
    pub fn retain(&self, now: MicroTime) -> Result<Report, StoreError> {
        let _work = self.work();
        let segments = self.state().segments.clone();
        let mut clusters: BTreeMap<&str, Vec<&Arc<Segment>>> = BTreeMap::new();
        for segment in &segments {
            clusters.entry(&segment.meta.cluster).or_default().push(segment);
        }
        let mut gone: BTreeSet<u64> = BTreeSet::new();
        let mut report = Report::default();
        for (cluster, mut files) in clusters {
            let limits = self.inner.config.retention.of(cluster);
            files.sort_by_key(|file| (newest(file), file.meta.id));
            let mut bytes: u64 = files.iter().map(|file| file.meta.bytes).sum();
            for file in files {
                let old = limits.age.is_some_and(|age| {
                    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
                    now.as_micros().saturating_sub(newest(file)) > age
                });
                if !old && limits.bytes.is_none_or(|limit| bytes <= limit) {
                    break;
                }
                bytes -= file.meta.bytes;
                gone.insert(file.meta.id);
                report.removed += 1;
                report.removed_rows += file.meta.rows;
                report.freed_bytes += file.meta.bytes;
            }
        }
        if !gone.is_empty() {
            self.let_go(&gone)?;
        }
        self.inner.spare.keep(&*self.inner.bin.disk);
        Ok(report)
    }

    /// Lets go of files, on a full disk too.
    fn let_go(&self, gone: &BTreeSet<u64>) -> Result<(), StoreError> {
        let change = || Change { gone: gone.clone(), ..Change::default() };
        match self.publish(change()) {
            Err(StoreError::Io { source, .. })
                if is_full(&source) && self.inner.spare.give_up(&*self.inner.bin.disk) =>
            {
                self.publish(change())
            }
            published => published,
        }
    }
}

/// When its last event was.
fn newest(segment: &Segment) -> i64 {
    segment.meta.time.1.min(segment.meta.received.1)
}
