//! What is to be removed, until the disk has done it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use auditward_base::disk::Disk;

/// So many names are remembered; files beyond that go when the store is opened next.
const LEFT_MAX: usize = 4096;

/// See the module. Names in it are never given again.
pub(super) struct Bin {
    pub(super) disk: Arc<dyn Disk>,
    left: Mutex<Vec<PathBuf>>,
}

impl Bin {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Arc<Self> {
        Arc::new(Bin { disk, left: Mutex::default() })
    }

    /// Removes a file that the catalogue does not name. What the disk refuses is tried again by [`Bin::empty`]: left there,
    /// it would take room, and after the loss of a catalogue its rows would be there twice.
    pub(super) fn remove(&self, path: &Path) {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                if left.len() < LEFT_MAX {
                    left.push(path.to_owned());
                }
            }
            _ => {}
        }
    }

    /// Removes what could not be removed before.
    pub(super) fn empty(&self) {
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        for path in left {
            self.remove(&path);
        }
    }
}
