//! What the files are called, and how a data file begins.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditward_base::disk::{Disk, DiskFile};

use crate::format::body::{self, Note};
use crate::format::frame::{FRAME_BYTES, Frame, Kind};
use crate::format::head::{HEAD_BYTES, Head};

const DATA: &str = ".journal";
const KEYS: &str = ".keys";
/// What `Disk::replace` leaves when it is interrupted.
const NEW: &str = ".new";

pub(crate) fn data_path(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(format!("{sequence:016}{DATA}"))
}

pub(crate) fn keys_path(folder: &Path, sequence: u64) -> PathBuf {
    folder.join(format!("{sequence:016}{KEYS}"))
}

/// What a name in the folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Data(u64),
    Keys(u64),
    /// Something half made.
    New,
    Foreign,
}

pub(crate) fn named(name: &str) -> Named {
    let number = |kind| name.strip_suffix(kind).filter(|digits| digits.len() == 16)?.parse().ok();
    if name.strip_suffix(NEW).is_some() {
        Named::New
    } else if let Some(sequence) = number(DATA) {
        Named::Data(sequence)
    } else if let Some(sequence) = number(KEYS) {
        Named::Keys(sequence)
    } else {
        Named::Foreign
    }
}

/// A frame that is taken over into a new file.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) frame: Frame,
    pub(crate) body: Vec<u8>,
}

/// The file that is written to.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) sequence: u64,
    /// How much of it is synced. Nothing else is in it, as long as it is trusted.
    pub(crate) bytes: u64,
    /// Whether all that was done to it went well.
    pub(crate) trusted: bool,
}

/// Begins a data file with all notes there are. It is whole, and stays so, before it has its name.
pub(crate) fn begin(
    disk: &dyn Disk,
    folder: &Path,
    sequence: u64,
    (first, next): (u64, u64),
    notes: &[Note],
    copied: &mut [Copied],
) -> io::Result<Writer> {
    let carried = Copied::new(Kind::Carried, first, body::write(notes, &[]));
    let bytes = HEAD_BYTES as u64
        + carried.frame.bytes()
        + copied.iter().map(|copied| copied.frame.bytes()).sum::<u64>();
    let head = Head { sequence, first, next }.write();
    let mut frames: Vec<([u8; FRAME_BYTES], &[u8])> = Vec::new();
    for copied in std::iter::once(&carried).chain(copied.iter()) {
        let frame = Frame { durable: bytes, ..copied.frame };
        frames.push((frame.write(sequence), &copied.body));
    }
    let mut parts: Vec<&[u8]> = vec![&head];
    for (frame, body) in &frames {
        parts.extend([&frame[..], body]);
    }
    let path = data_path(folder, sequence);
    disk.replace(&path, &parts)?;
    Ok(Writer { file: disk.open(&path)?, sequence, bytes, trusted: true })
}

impl Copied {
    fn new(kind: Kind, first: u64, body: Vec<u8>) -> Self {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let frame = Frame {
            kind,
            packed: false,
            length,
            count: 0,
            first,
            durable: 0,
            body_sum: crc32c::crc32c(&body),
        };
        Self { frame, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let folder = Path::new("/j");
        let name = |path: PathBuf| named(path.file_name().unwrap().to_str().unwrap());
        assert_eq!(name(data_path(folder, 12)), Named::Data(12));
        assert_eq!(name(keys_path(folder, u64::from(u32::MAX))), Named::Keys(u64::from(u32::MAX)));
        assert_eq!(named("0000000000000001.journal.new"), Named::New);
        for foreign in ["1.journal", "lock", "000000000000000x.keys", ".journal"] {
            assert_eq!(named(foreign), Named::Foreign, "{foreign}");
        }
    }
}
