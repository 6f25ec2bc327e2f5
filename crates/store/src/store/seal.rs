//! Fresh rows become files, one a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};

use super::{Segment, Store, StoreError};
use crate::catalogue::Catalogue;
use crate::segment::{Effort, Origin};

/// So many rows are handed to a file's writer at a time.
pub(super) const CHUNK_ROWS: usize = 8192;

impl Store {
    /// Writes all fresh rows to files, and says up to which position of the journal everything is in files now; `None` if
    /// there was nothing to write. Rows may be appended meanwhile, and stay fresh.
    ///
    /// After an error everything is as before, and the next call tries again.
    pub fn seal(&self) -> Result<Option<u64>, StoreError> {
        let inner = &self.inner;
        let _work = self.work();
        let (batches, through, before) = {
            let mut state = self.state();
            (state.fresh.hardened(inner.config.keep_raw), state.fresh.next(), state.position)
        };
        if batches.is_empty() && through == before {
            return Ok(None);
        }
        let clusters = in_order(&batches);
        let files = self.ids(clusters.len());
        let mut sealed = Vec::new();
        for ((cluster, rows), id) in clusters.iter().zip(&files) {
            let first = rows.first().map_or(0, |row| row.time);
            let mut draft = inner.begin(cluster, first, *id, rows.len() as u64, Effort::Quick)?;
            for rows in rows.chunks(CHUNK_ROWS) {
                draft.write(&gather(&batches, rows)?)?;
            }
            sealed.push(Arc::new(draft.finish(Origin::Seal { through, files: files.clone() })?));
        }
        self.publish(Change { made: sealed, gone: BTreeSet::new(), sealed: Some((through, batches.len())) })?;
        Ok(Some(through))
    }

    /// Ids that no file has had.
    pub(super) fn ids(&self, count: usize) -> Vec<u64> {
        let mut state = self.state();
        let ids: Vec<u64> = (state.next_id..).take(count).collect();
        state.next_id += count as u64;
        ids
    }

    /// Makes a change, first on the disk and then in memory. The caller holds `work`.
    ///
    /// Where after an error nobody knows which catalogue the disk has, the files of both stay until another is written.
    pub(super) fn publish(&self, change: Change) -> Result<(), StoreError> {
        let Change { made, gone, sealed } = change;
        let (segments, position, next_id) = {
            let state = self.state();
            let kept = state.segments.iter().filter(|segment| !gone.contains(&segment.meta.id));
            let segments: Vec<_> = kept.chain(&made).cloned().collect();
            let position = sealed.map_or(state.position, |(position, _)| position);
            (segments, position, state.next_id)
        };
        self.inner.bin.empty();
        self.inner.sync_folder()?;
        let metas = segments.iter().map(|segment| segment.meta.clone()).collect();
        let doom = |segment: &Segment, doomed| segment.doomed.store(doomed, Ordering::Release);
        for segment in &made {
            doom(segment, false);
        }
        if let Err((error, before)) = self.inner.publish(&Catalogue::new(position, next_id, metas)) {
            // A full disk must not be filled further by every try.
            for segment in &made {
                doom(segment, before);
            }
            if !before {
                self.state().limbo.extend(made);
            }
            return Err(error);
        }
        let mut state = self.state();
        if let Some((_, batches)) = sealed {
            state.fresh.forget(batches);
        }
        state.position = position;
        let before = std::mem::replace(&mut state.segments, segments);
        let limbo = std::mem::take(&mut state.limbo);
        let known: BTreeSet<u64> = state.segments.iter().map(|segment| segment.meta.id).collect();
        state.refused.retain(|id, _| known.contains(id));
        drop(state);
        for segment in before.into_iter().chain(limbo) {
            if !known.contains(&segment.meta.id) {
                doom(&segment, true);
            }
        }
        Ok(())
    }
}

/// A change of the store's files.
#[derive(Default)]
pub(super) struct Change {
    pub(super) made: Vec<Arc<Segment>>,
    /// Ids of files that are no longer the store's.
    pub(super) gone: BTreeSet<u64>,
    /// The position up to which all is in files then, and how many batches of fresh rows that were.
    pub(super) sealed: Option<(u64, usize)>,
}

/// A row among several batches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) time: i64,
    pub(super) position: u64,
    pub(super) batch: usize,
    pub(super) row: usize,
}

/// The rows of each cluster, in order of time.
fn in_order(batches: &[RecordBatch]) -> BTreeMap<&str, Vec<Place>> {
    let mut clusters: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    for (batch, rows) in batches.iter().enumerate() {
        let names = rows.column_by_name("cluster").and_then(|names| names.as_string_view_opt());
        for (name, place) in names.into_iter().flatten().zip(places(rows, batch)) {
            clusters.entry(name.unwrap_or_default()).or_default().push(place);
        }
    }
    for rows in clusters.values_mut() {
        // As good as in order already.
        rows.sort();
    }
    clusters
}

/// Where each row of a batch is, in time and in the batches.
pub(super) fn places(rows: &RecordBatch, batch: usize) -> Vec<Place> {
    let times =
        rows.column_by_name("time").and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
    let positions =
        rows.column_by_name("position").and_then(|numbers| numbers.as_primitive_opt::<UInt64Type>());
    let (Some(times), Some(positions)) = (times, positions) else { return Vec::new() };
    let of_row = |(row, (time, position)): (usize, (&i64, &u64))| Place {
        time: *time,
        position: *position,
        batch,
        row,
    };
    times.values().iter().zip(positions.values()).enumerate().map(of_row).collect()
}

/// These rows of these batches, in this order.
pub(super) fn gather(batches: &[RecordBatch], rows: &[Place]) -> Result<RecordBatch, StoreError> {
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let rows: Vec<(usize, usize)> = rows.iter().map(|row| (row.batch, row.row)).collect();
    Ok(interleave_record_batch(&batches, &rows)?)
}
