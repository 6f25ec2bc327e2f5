//! Is auditing on here? What runs the API server, what it was told, what it does, and what that comes to.
//!
//! ```text
//! Host ──► find ──► Found ──► facts ──► Facts ──► verdict, checks
//!  I/O      I/O    who, where,   I/O     all that       pure
//!                  which flags           there is to know
//! ```
//! Invariant: nothing is changed anywhere, and with a folder for a machine nothing outside the folder is looked at.

mod ask;
mod checks;
mod facts;
mod find;
mod host;
mod log;
mod metrics;
mod place;
mod policy;
mod process;
mod unit;
mod verdict;
mod webhook;
mod yaml;

#[cfg(test)]
mod tests;

pub use ask::{ask_metrics, ask_probe};
pub use checks::{Check, CheckResult, checks};
pub use facts::{Difference, Facts, Probe, Running, facts};
pub use find::{Distribution, Found, Looked, Origin, RefusedManifest, Seen, Setting, StaticPod, find};
pub use host::{Host, Kind, Space, Stat};
pub use log::{EndedBy, Keeps, LogFacts, LogFile};
pub use metrics::Metrics;
pub use place::MountKind;
pub use policy::{Accepted, Finding, PolicyFacts, PolicyState};
pub(crate) use process::program;
pub use process::{Process, Processes, Program};
pub use verdict::{Judgement, Reason, Verdict, duration, hours, moment, verdict};
pub use webhook::{Problem, WebhookFacts};

/// The pod's annotation with the digest of the policy that auditing was turned on with. A changed digest restarts the
/// API server, which reads its policy only then.
pub const POLICY_DIGEST: &str = "auditward.dev/policy-digest";
