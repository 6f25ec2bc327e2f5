//! How a journal is kept.

use std::path::PathBuf;

/// How a journal is kept. [`Config::new`] has what is right for most.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where its files are; nothing else may be there.
    pub folder: PathBuf,
    /// A file that has grown to this many bytes is followed by a new one. Opening reads about as much, and unpacks it.
    pub file_bytes: u64,
    /// When the slowest reader leaves more bytes than these unread, as they are on disk, nothing more is taken:
    /// [`crate::AppendError::Behind`].
    pub bytes_max: u64,
    /// How many events are remembered by their keys, to know them again. Each takes about 80 bytes of memory and 16 on disk;
    /// 0 remembers none.
    pub keys_max: usize,
    /// Nothing is taken while the file system has fewer free bytes than these: [`crate::AppendError::Full`]. They are what
    /// readers need to make room again.
    pub free_min: u64,
    /// No event gets a position below this one. Whoever keeps positions of this journal elsewhere gives the largest here, so
    /// that none is given twice even when the newest file is lost.
    pub next_min: u64,
}

impl Config {
    /// Files of 32 MiB, 8 GiB unread, a million keys, 256 MiB left free.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            file_bytes: 32 << 20,
            bytes_max: 8 << 30,
            keys_max: 1_000_000,
            free_min: 256 << 20,
            next_min: 0,
        }
    }
}
