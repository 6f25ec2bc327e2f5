//! The bytes. `FORMAT.md` says the same for those who read files without us.

pub(crate) mod body;
mod bytes;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod keys;
pub(crate) mod pack;

/// The format that is written, and the only one so far.
pub(crate) const VERSION: u32 = 1;

/// No journal has so many events; a larger position is no position.
pub(crate) const POSITION_MAX: u64 = 1 << 62;
