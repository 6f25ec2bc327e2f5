//! Alerts out: chosen, grouped, and retried until they are taken.
//!
//! ```text
//! Feed ──► Queue ──────────────────────────────► Sender ──► stdout, file, webhook, Alertmanager, …
//!   after   filter → group → batch → backoff         │
//!             ▲          │ saved before a first try  │ taken, busy, closed, refused
//!             └──────────┴───────────────────────────┘ saved after every acknowledgement
//! ```
//! Each [`Target`] has a thread, a [`queue`] and a file of its own, so that none waits for another.
//!
//! Invariants:
//! - What a target acknowledged is written down before anything else is sent to it, and is never sent to it again. A
//!   crash between the acknowledgement and the write sends one delivery again, under the same delivery id and with the
//!   same alert ids.
//! - An alert that passes a target's filter is acknowledged by it, or in its file of dead letters with the reason, or
//!   still queued.
//! - `queue` does no I/O and knows no clock.
//! - Secrets (tokens, passwords, headers, the paths of URLs) are in no error, no status and no `Debug` output.

pub mod config;
mod dead;
mod glob;
mod keep;
mod notice;
mod notifier;
pub mod queue;
mod send;
mod slot;
mod status;
mod time;
mod waker;
mod worker;

pub use config::{Mistake, Target, Targets};
pub use glob::Glob;
pub use keep::KeepError;
pub use notice::{Feed, Notice, Severity, SeverityError};
pub use notifier::{Notifier, Settings, StartError, Stopped, Tested, test};
pub use send::{Failure, FailureKind, PrepareError};
pub use status::{Happened, Status};
