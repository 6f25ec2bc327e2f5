//! Small files become large ones.
//!
//! Files of one cluster are put together by size: each [`FACTOR`] neighbours of a size make one of the next. So a row is
//! written again a handful of times in its life, and there are never more than a few files of a size. Neighbours are those
//! with the next positions, which are the next in time as well, unless an old log is read in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;

use super::seal::{CHUNK_ROWS, Change, Place, gather, places};
use super::{Report, Segment, Store, StoreError};
use crate::segment::{Effort, Origin, Reader};

/// So many files of a size make one of the next.
const FACTOR: usize = 4;
/// Files below this are all of the smallest size.
const SMALLEST_BYTES: u64 = 64 << 10;
/// So many files are put together at most: all of the same time are read at once, with a batch of each in memory.
const FILES_MAX: usize = 16;
/// So many rows of a file are held at a time.
const READ_ROWS: usize = 2048;
/// Of how long retention keeps events, one file covers at most this share: what is too old goes file by file.
const SPAN_SHARE: u32 = 8;

impl Store {
    /// Puts files together until none are left that belong together. Queries and appends go on meanwhile, sealing waits for
    /// one step at most. A file that turns out to be damaged is set aside and told.
    pub fn compact(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        // What the disk did not give the last time it may give now.
        let (segments, refused) = {
            let state = self.state();
            (state.segments.clone(), state.refused.keys().copied().collect::<BTreeSet<u64>>())
        };
        for segment in segments.iter().filter(|segment| refused.contains(&segment.meta.id)) {
            report.damaged.extend(self.suspect(segment)?);
        }
        while self.compact_once(&mut report)? {}
        Ok(report)
    }

    /// One step; whether there was one.
    fn compact_once(&self, report: &mut Report) -> Result<bool, StoreError> {
        let work = self.work();
        let segments = self.state().segments.clone();
        let Some(together) = self.choose(&segments) else { return Ok(false) };
        match self.put_together(&together) {
            Ok(made) => {
                let gone = together.iter().map(|segment| segment.meta.id).collect();
                report.compacted += together.len();
                report.made += 1;
                let before: u64 = together.iter().map(|segment| segment.meta.bytes).sum();
                report.freed_bytes += before.saturating_sub(made.meta.bytes);
                self.publish(Change { made: vec![made], gone, sealed: None })?;
                Ok(true)
            }
            Err(error @ StoreError::Read { .. }) => {
                drop(work);
                let mut damaged = Vec::new();
                for segment in &together {
                    damaged.extend(self.suspect(segment)?);
                }
                // Nothing wrong with any of them, so who knows what it was; the next call tries again.
                if damaged.is_empty() {
                    return Err(error);
                }
                // None of these is chosen again.
                report.damaged.extend(damaged);
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Files that belong together, the smallest size first.
    fn choose(&self, segments: &[Arc<Segment>]) -> Option<Vec<Arc<Segment>>> {
        let config = &self.inner.config;
        let mut sizes: BTreeMap<(u32, &str), Vec<&Arc<Segment>>> = BTreeMap::new();
        let refused: BTreeSet<u64> = self.state().refused.keys().copied().collect();
        let eligible = |segment: &&Arc<Segment>| {
            segment.meta.bytes < config.target_bytes && !refused.contains(&segment.meta.id)
        };
        for segment in segments.iter().filter(eligible) {
            sizes.entry((size(segment.meta.bytes), &segment.meta.cluster)).or_default().push(segment);
        }
        for ((_, cluster), mut files) in sizes {
            files.sort_by_key(|file| (file.meta.position, file.meta.id));
            let age = config.retention.of(cluster).age;
            let span_max = age.map_or(i64::MAX, |age| micros(age / SPAN_SHARE));
            let mut run: Run<'_> = Run::default();
            for file in files {
                if !run.takes(file, config.target_bytes, span_max) {
                    if run.files.len() >= FACTOR {
                        break;
                    }
                    run = Run::default();
                }
                run.add(file);
            }
            if run.files.len() >= FACTOR {
                return Some(run.files.into_iter().cloned().collect());
            }
        }
        None
    }

    /// One file with the rows of several.
    fn put_together(&self, together: &[Arc<Segment>]) -> Result<Arc<Segment>, StoreError> {
        let id = self.ids(1).first().copied().unwrap_or_default();
        let first = together.iter().map(|segment| segment.meta.time.0).min().unwrap_or_default();
        let cluster = together.first().map_or("", |segment| &segment.meta.cluster);
        let mut merge = Merge::new(together)?;
        let rows = together.iter().map(|segment| segment.meta.rows).sum();
        let mut draft = self.inner.begin(cluster, first, id, rows, Effort::Thorough)?;
        while let Some(rows) = merge.next_rows()? {
            draft.write(&rows)?;
        }
        // A seal of which the loss of a catalogue has left a part is not made whole by being put together.
        let through = merge.through.min(self.state().position);
        let replaces = std::mem::take(&mut merge.replaces).into_iter().collect();
        Ok(Arc::new(draft.finish(Origin::Compaction { through, replaces })?))
    }
}

/// Neighbours that may become one file.
#[derive(Default)]
struct Run<'s> {
    files: Vec<&'s Arc<Segment>>,
    bytes: u64,
    time: Option<(i64, i64)>,
}

impl<'s> Run<'s> {
    fn takes(&self, file: &Segment, bytes_max: u64, span_max: i64) -> bool {
        let (first, last) = self.with(file);
        self.files.is_empty()
            || self.files.len() < FILES_MAX
                && self.bytes + file.meta.bytes <= bytes_max
                && last.saturating_sub(first) <= span_max
    }

    fn with(&self, file: &Segment) -> (i64, i64) {
        let (first, last) = file.meta.time;
        self.time.map_or((first, last), |time| (time.0.min(first), time.1.max(last)))
    }

    fn add(&mut self, file: &'s Arc<Segment>) {
        self.time = Some(self.with(file));
        self.bytes += file.meta.bytes;
        self.files.push(file);
    }
}

fn size(bytes: u64) -> u32 {
    (bytes / SMALLEST_BYTES).max(1).ilog(FACTOR as u64)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The rows of several files in order of time. A file is read from its first row's time on, with one batch in memory, so that
/// files which follow each other are not in memory together.
pub(super) struct Merge {
    sources: Vec<Source>,
    batches: Vec<RecordBatch>,
    /// The next row of each source that has one, or [`UNREAD`] where it begins.
    heads: BinaryHeap<Reverse<Place>>,
    through: u64,
    /// The files, and those that they were made of: a query may have kept those on the disk for longer.
    replaces: BTreeSet<u64>,
}

/// The row of a source of which none was read.
const UNREAD: usize = usize::MAX;

struct Source {
    segment: Arc<Segment>,
    /// Until its end.
    reader: Option<Reader>,
    rows: std::vec::IntoIter<Place>,
    left: u64,
}

impl Merge {
    pub(super) fn new(segments: &[Arc<Segment>]) -> Result<Self, StoreError> {
        let mut merge = Merge {
            sources: Vec::new(),
            batches: Vec::new(),
            heads: BinaryHeap::new(),
            through: 0,
            replaces: BTreeSet::new(),
        };
        for (batch, segment) in segments.iter().enumerate() {
            let failed = |source| StoreError::Read { path: segment.path.clone(), source };
            let reader = segment.read(READ_ROWS).map_err(failed)?;
            merge.through = merge.through.max(reader.itself.origin.through());
            merge.replaces.insert(segment.meta.id);
            if let Origin::Compaction { replaces, .. } = &reader.itself.origin {
                merge.replaces.extend(replaces);
            }
            let (rows, left) = (Vec::new().into_iter(), segment.meta.rows);
            merge.sources.push(Source { segment: Arc::clone(segment), reader: Some(reader), rows, left });
            merge.batches.push(RecordBatch::new_empty(crate::schema()));
            // Before every row of that moment.
            merge.heads.push(Reverse(Place { time: segment.meta.time.0, position: 0, batch, row: UNREAD }));
        }
        Ok(merge)
    }

    /// The next rows; `None` after the last. A batch is replaced only when none of its rows wait to be gathered.
    pub(super) fn next_rows(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let mut rows = Vec::new();
        while rows.len() < CHUNK_ROWS {
            let Some(Reverse(place)) = self.heads.pop() else { break };
            if place.row == UNREAD {
                self.advance(place.batch)?;
                continue;
            }
            rows.push(place);
            let source = place.batch;
            match self.sources.get_mut(source).and_then(|source| source.rows.next()) {
                Some(next) => self.heads.push(Reverse(next)),
                None => {
                    let gathered = gather(&self.batches, &rows)?;
                    self.advance(source)?;
                    return Ok(Some(gathered));
                }
            }
        }
        if rows.is_empty() { Ok(None) } else { gather(&self.batches, &rows).map(Some) }
    }

    /// Of how many files rows are in memory.
    #[cfg(test)]
    pub(super) fn in_memory(&self) -> usize {
        self.batches.iter().filter(|batch| batch.num_rows() > 0).count()
    }

    /// The next batch of a source.
    fn advance(&mut self, place: usize) -> Result<(), StoreError> {
        let Some((source, held)) = self.sources.get_mut(place).zip(self.batches.get_mut(place)) else {
            return Ok(());
        };
        let failed = |error| StoreError::Read { path: source.segment.path.clone(), source: error };
        let next = source.reader.as_mut().and_then(Iterator::next);
        let Some(batch) = next.transpose().map_err(failed)? else {
            source.reader = None;
            *held = RecordBatch::new_empty(crate::schema());
            if source.left > 0 {
                let short = parquet::errors::ParquetError::EOF(format!("{} rows are missing", source.left));
                return Err(failed(short.into()));
            }
            return Ok(());
        };
        source.left = source.left.saturating_sub(batch.num_rows() as u64);
        source.rows = places(&batch, place).into_iter();
        self.heads.extend(source.rows.next().map(Reverse));
        *held = batch;
        Ok(())
    }
}
