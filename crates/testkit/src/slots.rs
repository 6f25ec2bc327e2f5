//! Numbers that only one living process has: ports, server folders, nodes.
//!
//! ```text
//! /tmp/auditward-testkit-UID/
//!   ports/20000.lock …
//!   servers/1.lock  servers/1/…      an API server's certificates, logs, data
//!   nodes/1.lock    nodes/1/…        node 1: network 10.200.1.0/24, link awtk1, cgroup auditward-1
//! ```
//!
//! A slot is taken by `flock` on its file. The kernel releases it when the last holder is gone, so a lock that can be
//! taken means that the owner is dead and its remains may go. Lock files are never removed: removing a locked file is how two
//! processes come to hold "the same" lock.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// A number, held as long as this value (or a clone of its lock in another process) lives.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) number: u16,
    /// This slot's own folder; it may not exist.
    pub(crate) folder: PathBuf,
    lock: File,
}

impl Slot {
    /// The first free number of `range` that `suits`.
    pub(crate) fn claim(
        kind: &str,
        range: std::ops::RangeInclusive<u16>,
        mut suits: impl FnMut(&Self) -> bool,
    ) -> io::Result<Self> {
        for number in range {
            if let Some(slot) = Self::take(kind, number)?
                && suits(&slot)
            {
                return Ok(slot);
            }
        }
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, format!("all {kind} of the testkit are taken")))
    }

    /// The slot, unless someone living has it.
    pub(crate) fn take(kind: &str, number: u16) -> io::Result<Option<Self>> {
        let all = folder(kind)?;
        let path = all.join(format!("{number}.lock"));
        let lock = File::options().create(true).truncate(false).write(true).open(path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { number, folder: all.join(number.to_string()), lock })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(e),
        }
    }

    /// The lock for another process to inherit: the number stays taken until both are gone.
    pub(crate) fn share(&self) -> io::Result<File> {
        self.lock.try_clone()
    }
}

/// The numbers of a kind that have a folder, of the living and of the dead.
pub(crate) fn used(kind: &str) -> io::Result<Vec<u16>> {
    let mut numbers: Vec<u16> = fs::read_dir(folder(kind)?)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The folder of a kind, made if need be, for this user alone.
pub(crate) fn folder(kind: &str) -> io::Result<PathBuf> {
    // Not `TMPDIR`: nodes hide /var and /run behind mounts of their own, and paths of sockets must stay short.
    let me = fs::metadata("/proc/self")?.uid();
    let path = Path::new("/tmp").join(format!("auditward-testkit-{me}")).join(kind);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    Ok(path)
}
