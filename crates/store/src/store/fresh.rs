//! Rows that are in memory only.
//!
//! The last few are kept as they came, and only made columns when somebody looks, or when there are enough of them: columns
//! of a single row cost a hundred times what the row does.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::RecordBatch;
use auditward_event::MicroTime;

use crate::columns::{Encoder, Row};

/// So many rows make columns.
const TAIL_ROWS: usize = 4096;
/// So many bytes of events do.
const TAIL_BYTES: usize = 8 << 20;
/// So many rows that come together are made columns at once.
const AT_ONCE_ROWS: usize = 512;

/// See the module.
pub(super) struct Fresh {
    /// The position that the next row has at least.
    next: u64,
    /// Rows of these clusters before these positions are in files, though the store's position is before them.
    beyond: BTreeMap<String, u64>,
    batches: Vec<Batch>,
    tail: Tail,
    /// The tail as columns, if somebody has looked since its last row.
    seen: Option<RecordBatch>,
}

struct Batch {
    rows: RecordBatch,
    bytes: usize,
    oldest: MicroTime,
}

impl Batch {
    fn of(rows: &[&Row<'_>], keep_raw: bool) -> Option<Self> {
        let oldest = rows.iter().map(|row| row.received).min()?;
        let bytes = rows.iter().map(|row| row.event.len()).sum();
        Some(Batch { rows: columns(rows.iter().map(|row| **row), keep_raw), bytes, oldest })
    }
}

#[derive(Default)]
struct Tail {
    rows: Vec<TailRow>,
    /// Events and names of clusters, one after the other.
    text: Vec<u8>,
}

struct TailRow {
    position: u64,
    received: MicroTime,
    cluster: Range<usize>,
    event: Range<usize>,
}

impl Fresh {
    pub(super) fn new(next: u64, beyond: BTreeMap<String, u64>) -> Self {
        Fresh { next, beyond, batches: Vec::new(), tail: Tail::default(), seen: None }
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn rows(&self) -> usize {
        self.batches.iter().map(|batch| batch.rows.num_rows()).sum::<usize>() + self.tail.rows.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.batches.iter().map(|batch| batch.bytes).sum::<usize>() + self.tail.text.len()
    }

    /// When the row that has waited longest was received.
    pub(super) fn oldest(&self) -> Option<MicroTime> {
        let batches = self.batches.iter().map(|batch| batch.oldest);
        batches.chain(self.tail.oldest()).min()
    }

    /// How many were not there yet.
    pub(super) fn append(&mut self, rows: &[Row<'_>], keep_raw: bool) -> usize {
        let mut new = Vec::with_capacity(rows.len());
        for row in rows {
            if row.position < self.next {
                continue;
            }
            self.next = row.position.saturating_add(1);
            if self.beyond.get(row.cluster).is_none_or(|beyond| row.position >= *beyond) {
                new.push(row);
            }
        }
        if new.len() >= AT_ONCE_ROWS {
            self.harden(keep_raw);
            self.batches.extend(Batch::of(&new, keep_raw));
            return new.len();
        }
        for row in &new {
            self.seen = None;
            self.tail.push(row);
            if self.tail.rows.len() >= TAIL_ROWS || self.tail.text.len() >= TAIL_BYTES {
                self.harden(keep_raw);
            }
        }
        new.len()
    }

    /// All rows as columns.
    pub(super) fn batches(&mut self, keep_raw: bool) -> Vec<RecordBatch> {
        let mut batches: Vec<_> = self.batches.iter().map(|batch| batch.rows.clone()).collect();
        if !self.tail.rows.is_empty() {
            let tail = self.seen.get_or_insert_with(|| self.tail.encode(keep_raw));
            batches.push(tail.clone());
        }
        batches
    }

    /// All rows as columns that stay as they are, to be sealed: see [`Fresh::forget`].
    pub(super) fn hardened(&mut self, keep_raw: bool) -> Vec<RecordBatch> {
        self.harden(keep_raw);
        self.batches(keep_raw)
    }

    /// The first so many batches are in files now.
    pub(super) fn forget(&mut self, batches: usize) {
        self.batches.drain(..batches.min(self.batches.len()));
    }

    fn harden(&mut self, keep_raw: bool) {
        let Some(oldest) = self.tail.oldest() else { return };
        let rows = self.seen.take().unwrap_or_else(|| self.tail.encode(keep_raw));
        self.batches.push(Batch { rows, bytes: self.tail.text.len(), oldest });
        // The room stays: to ask for it again and again costs as much as what is done with it.
        self.tail.rows.clear();
        self.tail.text.clear();
    }
}

impl Tail {
    fn push(&mut self, row: &Row<'_>) {
        let mut add = |bytes: &[u8]| {
            let start = self.text.len();
            self.text.extend_from_slice(bytes);
            start..self.text.len()
        };
        let (cluster, event) = (add(row.cluster.as_bytes()), add(row.event));
        self.rows.push(TailRow { position: row.position, received: row.received, cluster, event });
    }

    fn oldest(&self) -> Option<MicroTime> {
        self.rows.iter().map(|row| row.received).min()
    }

    fn encode(&self, keep_raw: bool) -> RecordBatch {
        let text = |range: &Range<usize>| self.text.get(range.clone()).unwrap_or_default();
        let rows = self.rows.iter().map(|row| Row {
            position: row.position,
            cluster: std::str::from_utf8(text(&row.cluster)).unwrap_or_default(),
            received: row.received,
            event: text(&row.event),
        });
        columns(rows, keep_raw)
    }
}

fn columns<'r>(rows: impl Iterator<Item = Row<'r>>, keep_raw: bool) -> RecordBatch {
    let mut encoder = Encoder::new(keep_raw);
    rows.for_each(|row| encoder.push(&row));
    encoder.finish()
}
