//! Events in: each once, on one line, and without the secrets that it carries.
//!
//! ```text
//! a log ───► tail ──┐
//! a body ───────────┴─► intake::read ──► EventView ──► prepare ──► key + bytes for the journal
//!                                                       └── Redactor: pre-scan ──► as it is (nearly always)
//!                                                                         └──────► walk ──► changed
//! ```
//! Invariant: whatever leaves [`prepare()`] has been through the [`redact::Redactor`]; nothing else of an event may reach a
//! disk.

pub mod agent;
pub mod intake;
mod prepare;
pub mod redact;
pub mod tail;

pub use prepare::{Prepared, prepare};
