//! One at a time, and the others learn who it is.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file that is locked for us until this is dropped or the process ends, however it ends.
///
/// The file stays when the lock goes: removing a locked file is how two processes come to hold "the same" lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("`{}` is held by {holder}", path.display())]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// Who holds it, in its own words.
        holder: String,
    },
    /// The file could not be used.
    #[error("could not lock `{}`", path.display())]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Lock {
    /// Takes the lock at once or not at all. `holder` is what others are told about us.
    pub fn take(path: &Path, holder: &str) -> Result<Self, LockError> {
        const HOLDER_MAX: u64 = 200;
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = Vec::new();
                file.take(HOLDER_MAX).read_to_end(&mut holder).map_err(failed)?;
                let holder = String::from_utf8_lossy(&holder).trim().to_owned();
                return Err(LockError::Held { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{holder}").map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_learns_who_is_first() {
        let path = std::env::temp_dir().join(format!("auditward-lock-{}", std::process::id()));
        let first = Lock::take(&path, "the first, process 1").unwrap();
        let second = Lock::take(&path, "the second").unwrap_err();
        assert_eq!(second.to_string(), format!("`{}` is held by the first, process 1", path.display()));
        drop(first);
        drop(Lock::take(&path, "the second").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "the second\n");
        std::fs::remove_file(&path).unwrap();
    }
}
