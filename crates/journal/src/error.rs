//! What can go wrong.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use auditward_base::disk::is_full;

use crate::damage::Damage;

/// Why a journal could not be opened. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file could not be used.
    #[error("could not use `{}`", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A later version wrote it.
    #[error("`{}` was written by a later version of auditward: it has format {version}, and this one knows 1", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
}

/// Why nothing was taken. The same append may be tried again later.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// Readers are too far behind.
    #[error("{backlog} bytes wait to be read, and at most {bytes_max} may")]
    Behind {
        /// How many bytes the slowest reader has before it.
        backlog: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The disk is full, or nearly.
    #[error("the disk of `{}` is full", folder.display())]
    Full {
        /// The journal's folder.
        folder: PathBuf,
    },
    /// It can never be taken.
    #[error("an append has {what}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
    },
    /// The disk did not do what it should.
    #[error("could not write `{}`", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
}

/// Why a reader did not get events. Except for `Io`, the next call goes on behind what is missing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file could not be read; the next call tries again.
    #[error("could not read `{}`", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes are not what was written.
    #[error("{0}")]
    Damaged(Damage),
    /// The reader asked for events that it, or an earlier one of its name, had released.
    #[error("events {from} to {to} are gone: they had been released")]
    Released {
        /// The first that is gone.
        from: u64,
        /// The first that is there.
        to: u64,
    },
    /// The reader asked for events that were never there.
    #[error("event {from} was asked for, and the journal has none from {next} on: is it the right folder?")]
    Ahead {
        /// Where the reader is.
        from: u64,
        /// Where the journal is.
        next: u64,
    },
}

impl AppendError {
    pub(crate) fn of(path: PathBuf, source: io::Error) -> Self {
        if is_full(&source) {
            let folder = path.parent().unwrap_or(&path).to_owned();
            return Self::Full { folder };
        }
        Self::Io { path, source: Arc::new(source) }
    }
}
