//! What a file is known by, whatever its name: how it begins, and how the part that was read ends.
//!
//! An inode's number is given to another file as soon as it is free, so it only decides between files that look the same.
//! A beginning can be forged: an event starts with what a client chose. How the part that was read ends cannot: there are
//! the API server's own times.

use sha2::{Digest as _, Sha256};

/// How much of a file's beginning is looked at.
pub(super) const HEAD_BYTES: usize = 1024;
/// How much before the place up to which a file was read.
pub(super) const MARK_BYTES: usize = 512;

/// The digest of some bytes, and how many they were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Print {
    pub(super) bytes: u32,
    pub(super) digest: u64,
}

impl Print {
    pub(super) fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        let first = digest.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte));
        Self { bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX), digest: first }
    }

    /// Whether `bytes` begin like this.
    pub(super) fn begins(self, bytes: &[u8]) -> bool {
        bytes.get(..self.len()).is_some_and(|bytes| Print::of(bytes) == self)
    }

    pub(super) fn len(self) -> usize {
        self.bytes as usize
    }
}

/// A file that was read, to its end or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) dev: u64,
    pub(super) ino: u64,
    /// Of its first [`HEAD_BYTES`], or fewer if fewer were read.
    pub(super) head: Print,
    /// Of the [`MARK_BYTES`] before `at`.
    pub(super) mark: Print,
    /// How far it was read: where a line begins.
    pub(super) at: u64,
    /// Its size when it was read to its end and no longer the live one. If it has grown since, there is more to read.
    pub(super) over: Option<u64>,
}
