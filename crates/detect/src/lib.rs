//! Rules over a stream of events: windows, sequences, baselines, alerts.
//!
//! ```text
//! rules ──► RuleSet ──► Matcher ──► Batch ──► Engine ──► Alert
//!           compiled    one a        what     memory: windows,
//!           together    thread       matched  sequences, first seen
//! ```
//! Matching depends on one event alone and may be done anywhere; remembering is done in one place and in order of event
//! time. So the same events give the same alerts, in the same order, with one thread or many.
//!
//! Most matches come to nothing: one more event in a window, one more sight of a key that is known. So of an event only
//! what detectors ask for is read at once; what an alert would tell is read of what is kept of the event when it becomes
//! one (`set::Seen`), and a key that is known waits for nothing (`memory::Memory::knows`).
//!
//! Invariant: no I/O and no clock. Memory is bounded by [`Limits`], and what is given up for a limit is counted.

mod alert;
mod clock;
mod config;
mod digest;
mod engine;
mod hit;
mod memory;
mod plan;
mod set;
mod state;
mod summary;
mod texts;
mod time;
mod waiting;

pub use alert::{Alert, Attack, Object};
pub use config::{Config, Limits, Order};
pub use engine::{Counters, Engine};
pub use hit::EventRef;
pub use set::{Batch, CompileError, Matcher, RuleSet};
pub use state::{RestoreError, Restored, VERSION};
