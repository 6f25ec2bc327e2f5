//! The store: what is fresh, which files there are, and who may change that.

mod bin;
mod compact;
mod examine;
mod fresh;
mod open;
mod retain;
mod seal;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use auditward_base::disk::{Spare, new_name};
use auditward_event::MicroTime;
use thiserror::Error;

use crate::catalogue::{Catalogue, CatalogueError};
use crate::columns::{RebuildError, Row};
use crate::segment::{
    Appender, Chunks, Effort, Origin, ReadError, Reader, SegmentMeta, WriteError, Writer, file_name,
};

pub use examine::Scrubbed;
pub use open::Recovered;
pub use snapshot::Snapshot;

use bin::Bin;
use fresh::Fresh;

/// How a store works.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where its files are. Made if it is not there.
    pub folder: PathBuf,
    /// Whether every event comes back byte for byte, not only those that are written as kube-apiserver does.
    pub keep_raw: bool,
    /// So many fresh rows are due to be sealed; of twice as many no more are taken.
    pub fresh_events_max: usize,
    /// The same for the bytes of their events.
    pub fresh_bytes_max: usize,
    /// Fresh rows are due once the first of them was received that long ago.
    pub fresh_age_max: Duration,
    /// How large a file compaction makes.
    pub target_bytes: u64,
    /// What is removed when.
    pub retention: Retention,
}

impl Config {
    /// For a folder, with what suits most.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Config {
            folder: folder.into(),
            keep_raw: false,
            fresh_events_max: 1 << 16,
            fresh_bytes_max: 96 << 20,
            fresh_age_max: Duration::from_mins(10),
            target_bytes: 128 << 20,
            retention: Retention::default(),
        }
    }
}

/// How long events are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Of clusters that are not in `clusters`.
    pub others: Limits,
    /// By cluster.
    pub clusters: BTreeMap<String, Limits>,
}

impl Retention {
    /// Those of one cluster.
    pub fn of(&self, cluster: &str) -> Limits {
        self.clusters.get(cluster).copied().unwrap_or(self.others)
    }
}

/// What one cluster's events may have; without limits all are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// A file is removed once all its events are that old.
    pub age: Option<Duration>,
    /// The oldest files are removed while there are more bytes.
    pub bytes: Option<u64>,
}

/// Where events are kept. Clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    bin: Arc<Bin>,
    config: Config,
    state: Mutex<State>,
    /// Whoever changes files holds this from the first read to the catalogue's end.
    work: Mutex<()>,
    spare: Spare,
}

/// What a snapshot sees. Never held while a file is written.
struct State {
    fresh: Fresh,
    /// By id.
    segments: Vec<Arc<Segment>>,
    /// All events before it are in `segments`.
    position: u64,
    next_id: u64,
    /// Files that the catalogue on the disk may know of, after it could not be written.
    limbo: Vec<Arc<Segment>>,
    /// Files that the disk did not give, by id.
    refused: BTreeMap<u64, Refusal>,
    /// When a file was read in full by this process, in microseconds, by id.
    examined: BTreeMap<u64, i64>,
    /// Whether all of them should be.
    in_doubt: bool,
    damaged: Vec<Damage>,
}

/// A file that the disk does not give now, and may give later.
struct Refusal {
    /// How often in a row.
    times: u32,
    told: Damage,
}

/// A file that the disk has refused so often is left out of snapshots until it is given again.
const REFUSED_TIMES_MAX: u32 = 3;

/// One file of the store.
pub struct Segment {
    /// What the catalogue knows of it.
    pub meta: SegmentMeta,
    /// Where it is.
    pub path: PathBuf,
    bin: Arc<Bin>,
    /// Whether it is to be removed once nobody reads it any more.
    doomed: AtomicBool,
}

impl Segment {
    /// Its rows, so many at a time at most, and fewer if they are large.
    pub fn read(&self, rows: usize) -> Result<Reader, ReadError> {
        let failed = |source: io::Error| ReadError::Parquet(source.into());
        let file = self.bin.disk.open(&self.path).and_then(Chunks::new).map_err(failed)?;
        Reader::new(file, rows)
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.meta.fmt(f)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            self.bin.remove(&self.path);
        }
    }
}

/// A file that cannot be read. One that is not what was written is kept beside the store, as `NAME.damaged`; one that only the
/// disk refuses stays where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Its name in the store's folder.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
    /// How many rows are lost with it, as far as is known.
    pub rows: u64,
}

/// What came of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append {
    /// Rows that were taken; the others had been taken before.
    pub taken: usize,
    /// Whether it is time to [`Store::seal`].
    pub due: bool,
}

/// Why rows were not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Sealing has not kept up, or has failed. Nothing was taken; the rows are in the journal.
    #[error("there are {rows} fresh rows that could not be sealed")]
    Full {
        /// How many rows wait.
        rows: usize,
    },
}

/// Why a store was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder, or a file in it.
    #[error("could not use `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program of a later version has written it.
    #[error("could not read `{}`", path.display())]
    Catalogue {
        /// The catalogue.
        path: PathBuf,
        /// Why.
        source: CatalogueError,
    },
    /// The catalogue is lost, and a file that belongs into a new one cannot be read now, or not by this version.
    #[error("could not read `{}`, which a new catalogue needs", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// The catalogue could not be written.
    #[error("could not write the catalogue")]
    Write(#[from] StoreError),
}

/// Why a change of the files was given up. The store is as it was before.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file could not be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: WriteError,
    },
    /// The system would not have it.
    #[error("could not write `{}`", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that was to be put together with others cannot be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// Rows could not be put in order.
    #[error("could not sort rows")]
    Sort(#[from] arrow::error::ArrowError),
    /// Rows are not of the store's columns.
    #[error("could not read rows")]
    Rows(#[from] RebuildError),
}

/// What maintenance did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that were put together.
    pub compacted: usize,
    /// Files that were made of them.
    pub made: usize,
    /// Files that retention removed.
    pub removed: usize,
    /// Rows in those.
    pub removed_rows: u64,
    /// Bytes that are free now or will be once no query reads them.
    pub freed_bytes: u64,
    /// Files that were found damaged meanwhile, or that the disk did not give.
    pub damaged: Vec<Damage>,
}

/// How a store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// All events before this position of the journal are in files.
    pub position: u64,
    /// Rows that are in memory only.
    pub fresh_rows: usize,
    /// Bytes of their events.
    pub fresh_bytes: usize,
    /// Files.
    pub segments: usize,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// By cluster: rows and bytes in files.
    pub clusters: BTreeMap<String, (u64, u64)>,
    /// Files that were set aside since the store was opened, and when it was, and those that the disk does not give now.
    pub damaged: Vec<Damage>,
}

impl Store {
    /// Takes rows into memory, where queries see them at once. Rows must come in the order of their positions; those that
    /// were taken before are passed over.
    pub fn append(&self, rows: &[Row<'_>]) -> Result<Append, AppendError> {
        let config = &self.inner.config;
        let mut state = self.state();
        let (fresh_rows, bytes) = (state.fresh.rows(), state.fresh.bytes());
        if fresh_rows >= 2 * config.fresh_events_max || bytes >= 2 * config.fresh_bytes_max {
            return Err(AppendError::Full { rows: fresh_rows });
        }
        let taken = state.fresh.append(rows, config.keep_raw);
        let due =
            state.fresh.rows() >= config.fresh_events_max || state.fresh.bytes() >= config.fresh_bytes_max;
        Ok(Append { taken, due })
    }

    /// Whether it is time to [`Store::seal`].
    pub fn is_due(&self, now: MicroTime) -> bool {
        let config = &self.inner.config;
        let state = self.state();
        let age = i64::try_from(config.fresh_age_max.as_micros()).unwrap_or(i64::MAX);
        let old = |first: MicroTime| now.as_micros().saturating_sub(first.as_micros()) >= age;
        state.fresh.rows() >= config.fresh_events_max
            || state.fresh.bytes() >= config.fresh_bytes_max
            || state.fresh.oldest().is_some_and(old)
    }

    /// How it is.
    pub fn status(&self) -> Status {
        let state = self.state();
        let mut status = Status {
            position: state.position,
            fresh_rows: state.fresh.rows(),
            fresh_bytes: state.fresh.bytes(),
            segments: state.segments.len(),
            damaged: state.damaged.clone(),
            ..Status::default()
        };
        let left_out = state.refused.values().filter(|refusal| refusal.times >= REFUSED_TIMES_MAX);
        status.damaged.extend(left_out.map(|refusal| refusal.told.clone()));
        for Segment { meta, .. } in state.segments.iter().map(|segment| &**segment) {
            let (rows, bytes) = status.clusters.entry(meta.cluster.clone()).or_default();
            *rows += meta.rows;
            *bytes += meta.bytes;
            status.rows += meta.rows;
            status.bytes += meta.bytes;
        }
        status
    }

    /// All that is there now, and stays readable while the snapshot lives. Files that the disk has refused several times are
    /// not in it: see [`Status::damaged`].
    pub fn snapshot(&self) -> Snapshot {
        let mut state = self.state();
        let fresh = state.fresh.batches(self.inner.config.keep_raw);
        let left_out = |id| state.refused.get(&id).is_some_and(|refusal| refusal.times >= REFUSED_TIMES_MAX);
        let segments = state.segments.iter().filter(|segment| !left_out(segment.meta.id)).cloned().collect();
        Snapshot { segments, fresh, position: state.fresh.next() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is done under the lock that could leave it half changed.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, ()> {
        self.inner.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Begins a file of the store that will have so many rows.
    fn begin(
        &self,
        cluster: &str,
        first: i64,
        id: u64,
        rows: u64,
        effort: Effort,
    ) -> Result<Draft, StoreError> {
        let path = self.config.folder.join(file_name(cluster, first, id));
        let failed = |source| StoreError::Io { path: path.clone(), source };
        let new = new_name(&path);
        let (bin, cluster) = (Arc::clone(&self.bin), cluster.to_owned());
        let mut draft = Draft { bin, id, cluster, path: path.clone(), new, writer: None, is_done: false };
        let file = self.bin.disk.create(&draft.new).map_err(failed)?;
        let writer = Writer::new(Appender::new(file), rows, effort);
        draft.writer = Some(writer.map_err(|source| StoreError::Write { path: path.clone(), source })?);
        Ok(draft)
    }

    /// Makes the catalogue say so. The files must be there for good. After an error: whether the disk is known to have the
    /// catalogue before it.
    fn publish(&self, catalogue: &Catalogue) -> Result<(), (StoreError, bool)> {
        let path = self.config.folder.join(CATALOGUE);
        let failed = |source| StoreError::Io { path: path.clone(), source };
        let bytes = catalogue.write().map_err(|error| (failed(error.into()), true))?;
        let disk = &self.bin.disk;
        disk.replace(&path, &[&bytes]).map_err(|source| {
            let before = match disk.read(&path, CATALOGUE_BYTES_MAX) {
                Ok(there) => there != bytes,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
            (failed(source), before)
        })
    }

    fn sync_folder(&self) -> Result<(), StoreError> {
        let folder = &self.config.folder;
        self.bin.disk.sync_folder(folder).map_err(|source| StoreError::Io { path: folder.clone(), source })
    }
}

/// The catalogue's name.
const CATALOGUE: &str = "catalogue";
/// A catalogue of as many files as no store has takes less.
const CATALOGUE_BYTES_MAX: u64 = 256 << 20;

/// A file that is being written, under a name that nobody takes for a file of the store. Given up, it is removed.
struct Draft {
    bin: Arc<Bin>,
    id: u64,
    cluster: String,
    path: PathBuf,
    new: PathBuf,
    writer: Option<Writer<Appender>>,
    is_done: bool,
}

impl Draft {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), StoreError> {
        let written = self.writer.as_mut().map_or(Ok(()), |writer| writer.write(rows));
        written.map_err(|source| StoreError::Write { path: self.path.clone(), source })
    }

    /// Gives it its name. The folder is not synced yet.
    fn finish(mut self, origin: Origin) -> Result<Segment, StoreError> {
        let path = self.path.clone();
        let failed = |source| StoreError::Write { path: path.clone(), source };
        let writer = self.writer.take().ok_or(WriteError::Rows).map_err(failed)?;
        let (itself, bytes, digest, out) = writer.finish(self.id, &self.cluster, origin).map_err(failed)?;
        let named = out.sync().and_then(|()| self.bin.disk.rename(&self.new, &path));
        named.map_err(|source| StoreError::Io { path: path.clone(), source })?;
        self.is_done = true;
        let meta = SegmentMeta {
            id: self.id,
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            cluster: self.cluster.clone(),
            rows: itself.rows,
            bytes,
            time: itself.time,
            received: itself.received,
            position: itself.position,
            digest,
        };
        // Until the catalogue knows it, it is nobody's.
        Ok(Segment { meta, path, bin: Arc::clone(&self.bin), doomed: AtomicBool::new(true) })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_done {
            self.bin.remove(&self.new);
            // A renaming that failed may have been done.
            self.bin.remove(&self.path);
        }
    }
}
