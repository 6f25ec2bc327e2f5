//! Events on disk before anyone is told that they are.
//!
//! ```text
//!  append ──► known already? ──► queue ──► one write, one sync for all that wait ──► acknowledged
//!  append ──►       │                                     │
//!                 keys, as many as the window holds       └──► readers wait here, each at its own position
//! ```
//! - What [`Journal::append`] has answered is there after any crash, once, in the order of its positions.
//! - An append is there with its checkpoints or not at all.
//! - An event whose key is in the window is not taken again, over restarts too.
//! - What a crash left half is cut off; what is broken in the middle is told, with the positions that are lost.
//! - Opening reads one data file and the small key files, however much is kept.
//!
//! `FORMAT.md` beside the sources describes the bytes.
//!
//! Invariant: one process at a time. Who opens a journal holds a lock on the folder or on one above it.

mod append;
mod config;
mod damage;
mod error;
mod files;
mod format;
mod group;
mod journal;
mod reader;
mod recover;
mod scan;
mod status;
mod window;

pub use append::{Append, Appended, Checkpoint, Entry, Key};
pub use config::Config;
pub use damage::Damage;
pub use error::{AppendError, OpenError, ReadError};
pub use journal::{Journal, Recovered};
pub use reader::{Reader, Record, Records};
pub use status::{Backlog, Status};
