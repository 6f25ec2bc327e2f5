//! One Parquet file: rows of one cluster, in order of time.
//!
//! ```text
//! events-CLUSTER-20261126T140000Z-0000000000000012.parquet
//!        │       │                └─ id: no two files of a store ever have the same
//!        │       └─ time of its first row
//!        └─ so far as it can stand in a file's name
//! ```
//! Written under a name that ends in `.new`, synced, and only then renamed: a file of the final name is whole.

mod file;
mod read;
mod write;

use serde::{Deserialize, Serialize};

pub(crate) use file::{Appender, Chunks};
pub use read::{BATCH_BYTES, ReadError, Reader};
pub use write::{Effort, WriteError, Writer};

/// What the catalogue knows of a file; the file's own metadata say the same, but for `bytes` and `digest`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentMeta {
    /// Grows from file to file.
    pub id: u64,
    /// Its name in the store's folder.
    pub file: String,
    /// The cluster of all its rows.
    pub cluster: String,
    /// How many rows it has; never none.
    pub rows: u64,
    /// How large the file is.
    pub bytes: u64,
    /// The column `time` of its first and its last row, in microseconds.
    pub time: (i64, i64),
    /// The least and the greatest `received`.
    pub received: (i64, i64),
    /// The least and the greatest `position`.
    pub position: (u64, u64),
    /// SHA-256 of the file.
    pub digest: String,
}

/// What a file says of itself in its metadata, under `auditward.segment`: enough to make a lost catalogue anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfDescription {
    /// As [`SegmentMeta::id`].
    pub id: u64,
    /// As [`SegmentMeta::cluster`].
    pub cluster: String,
    /// As [`SegmentMeta::rows`].
    pub rows: u64,
    /// As [`SegmentMeta::time`].
    pub time: (i64, i64),
    /// As [`SegmentMeta::received`].
    pub received: (i64, i64),
    /// As [`SegmentMeta::position`].
    pub position: (u64, u64),
    /// Why it was written.
    pub origin: Origin,
}

/// Why a file was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// Fresh rows were sealed.
    Seal {
        /// Once it and its siblings are there, all events before this position of the journal are in files.
        through: u64,
        /// The ids of the files that were written together, one a cluster.
        files: Vec<u64>,
    },
    /// Files were put together.
    Compaction {
        /// The greatest `through` of them.
        through: u64,
        /// Their ids: their rows are in this file now.
        replaces: Vec<u64>,
    },
}

impl Origin {
    /// All events before this position are in files.
    pub fn through(&self) -> u64 {
        match self {
            Origin::Seal { through, .. } | Origin::Compaction { through, .. } => *through,
        }
    }
}

/// What a file is called, so that people find the one they look for.
pub(crate) fn file_name(cluster: &str, first: i64, id: u64) -> String {
    const CLUSTER_CHARS_MAX: usize = 40;
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '_' };
    let cluster: String = cluster.chars().take(CLUSTER_CHARS_MAX).map(plain).collect();
    let time = auditward_event::MicroTime::from_micros(first).to_string();
    let time: String = time.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    format!("events-{cluster}-{time}Z-{id:016}.parquet")
}

/// The id in the name of a file, whole or not, set aside or not.
pub(crate) fn id_of(name: &str) -> Option<u64> {
    let (name, _) = name.strip_prefix("events-")?.split_once(".parquet")?;
    name.rsplit_once('-')?.1.parse().ok()
}
