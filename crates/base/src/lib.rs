//! What std lacks, without a word of the domain: files that are old or new but never half, locks that say who holds
//! them, digests, and the one place that asks what time it is.

pub mod clock;
mod digest;
pub mod disk;
mod lock;
mod random;
pub mod units;

pub use digest::{Digest, DigestError, Hasher};
pub use lock::{Lock, LockError};
pub use random::random_id;
