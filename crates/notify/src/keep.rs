//! Where a target's queue is kept: `FOLDER/TARGET.json`, the old one or the new one at every moment.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditward_base::disk::Disk;

use crate::queue::{Saved, SavedError};

/// A target's file.
#[derive(Debug, Clone)]
pub(crate) struct Keep {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// Why a target's file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// It can't be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else. It is left alone, for what is in it decides what is sent.
    #[error("`{}` can't be used; move it away to begin with alerts to come", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SavedError,
    },
    /// It can't be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Keep {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: &Path, target: &str) -> Self {
        Self { disk, path: folder.join(format!("{target}.json")) }
    }

    /// What was saved; nothing for a new target.
    pub(crate) fn read(&self) -> Result<Option<Saved>, KeepError> {
        /// Numbers and keys of at most so many alerts and groups as a queue holds.
        const BYTES_MAX: u64 = 16 << 20;
        let text = match self.disk.read(&self.path, BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(KeepError::Read { path: self.path.clone(), source }),
        };
        let wrong = |source| KeepError::Content { path: self.path.clone(), source };
        Saved::read(&text).map(Some).map_err(wrong)
    }

    /// Durable when it returns.
    pub(crate) fn write(&self, saved: &Saved) -> Result<(), KeepError> {
        self.disk
            .replace(&self.path, &[&saved.text()])
            .map_err(|source| KeepError::Write { path: self.path.clone(), source })
    }
}
