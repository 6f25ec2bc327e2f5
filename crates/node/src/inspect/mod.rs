//! Is auditing on here? What runs the API server, what it was told, what it does, and what that comes to.
//!
//! ```text
//! Host ──► find ──► Found ──► facts ──► Facts ──► verdict, checks
//!  I/O      I/O    who, where,   I/O     all that       pure
//!                  which flags           there is to know
//! ```
//! Invariant: nothing is changed anywhere, and with a folder for a machine nothing outside the folder is looked at.

mod find;
mod host;
mod process;
mod unit;
mod yaml;

pub use find::{Distribution, Found, Looked, Origin, RefusedManifest, Seen, Setting, StaticPod, find};
pub use host::{Host, Kind, Space, Stat};
pub use process::{Process, Processes, Program};
