//! What goes in.

/// What an event is known by: the same event has the same key, and no two events have one.
pub type Key = [u8; 16];

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where it comes from.
    pub cluster: &'a str,
    /// What it is known by.
    pub key: Key,
    /// Its text.
    pub event: &'a [u8],
}

/// How far a source has been read. The journal keeps the newest of each source and does not look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which source.
    pub source: String,
    /// How far, in the source's own words.
    pub value: Vec<u8>,
}

/// Events that are taken together with the checkpoints that go with them, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Append<'a> {
    /// The events, in order.
    pub entries: Vec<Entry<'a>>,
    /// Where their sources are then.
    pub checkpoints: Vec<Checkpoint>,
}

/// What became of an append. It is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// How many events are new.
    pub taken: usize,
    /// How many were there already.
    pub repeated: usize,
    /// The position behind the last new one.
    pub next: u64,
}

/// The largest body of a frame, in bytes: that much may be appended at once.
pub(crate) const BODY_BYTES_MAX: usize = 64 << 20;
/// The most events of one append.
pub(crate) const ENTRIES_MAX: usize = 1 << 20;
/// The longest name of a cluster, a source or a reader.
pub(crate) const NAME_BYTES_MAX: usize = 1 << 10;
/// The longest value of a checkpoint.
pub(crate) const VALUE_BYTES_MAX: usize = 1 << 20;
/// The most sources that checkpoints are kept of, and the most of one append.
pub(crate) const SOURCES_MAX: usize = 1 << 14;

impl Append<'_> {
    /// What is too large about it, if anything is.
    pub(crate) fn too_large(&self) -> Option<&'static str> {
        let bytes: usize = self.entries.iter().map(|entry| entry.event.len().saturating_add(64)).sum();
        let values: usize = self.checkpoints.iter().map(|checkpoint| checkpoint.value.len()).sum();
        if self.entries.len() > ENTRIES_MAX {
            return Some("more than 1048576 events");
        }
        if bytes.saturating_add(values) > BODY_BYTES_MAX / 2 {
            return Some("more than 32 MiB");
        }
        if self.entries.iter().any(|entry| entry.cluster.len() > NAME_BYTES_MAX)
            || self.checkpoints.iter().any(|checkpoint| checkpoint.source.len() > NAME_BYTES_MAX)
        {
            return Some("a name of more than 1024 bytes");
        }
        if self.checkpoints.len() > SOURCES_MAX {
            return Some("more than 16384 checkpoints");
        }
        let long = self.checkpoints.iter().any(|checkpoint| checkpoint.value.len() > VALUE_BYTES_MAX);
        long.then_some("a checkpoint of more than 1 MiB")
    }
}
