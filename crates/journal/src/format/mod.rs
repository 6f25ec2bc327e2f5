//! The bytes. `FORMAT.md` says the same for those who read files without us.

pub(crate) mod body;
mod bytes;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod keys;

/// The format that is written, and the only one so far.
pub(crate) const VERSION: u32 = 1;
