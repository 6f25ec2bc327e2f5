//! What a query sees.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::Segment;

/// A moment of the store. Its files stay while it lives, whatever compaction and retention do.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// By id. Each has the rows of one cluster, in order of time; their times may overlap.
    pub segments: Vec<Arc<Segment>>,
    /// Rows that are in no file yet, of all clusters, in order of their positions.
    pub fresh: Vec<RecordBatch>,
    /// All events before this position of the journal are in it.
    pub position: u64,
}
