//! What a file has lost.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Bytes that were on disk and are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which file.
    pub file: PathBuf,
    /// Where in it.
    pub bytes: Range<u64>,
    /// The events that were there, by position. Empty if it was none: then a checkpoint may be older than it was. Empty,
    /// too, if nothing of the file can be read: readers find out from the files around it.
    pub lost: Range<u64>,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, bytes, lost } = self;
        write!(f, "`{}` is damaged from byte {} to {}: ", file.display(), bytes.start, bytes.end)?;
        match lost.end.saturating_sub(lost.start) {
            0 if bytes.start == 0 => f.write_str("nothing of it can be read"),
            0 => f.write_str("no event is lost, a checkpoint may be"),
            1 => write!(f, "event {} is lost", lost.start),
            count => write!(f, "{count} events are lost, {} to {}", lost.start, lost.end - 1),
        }
    }
}
