//! To the target and back: one file a kind.

mod alertmanager;
mod falcosidekick;
mod file;
mod http;
mod line;
mod secrets;
mod stdout;
mod syslog;
mod webhook;

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use crate::config::{Target, To};
use crate::queue::Delivery;

pub(crate) use file::append;
pub use http::PrepareError;
pub(crate) use syslog::Address as SyslogAddress;

/// Our standard output, shared by the targets that write to it.
pub(crate) type Out = Arc<Mutex<dyn Write + Send>>;

/// Takes deliveries to one target, one after another.
pub(crate) trait Sender: Send {
    /// Returns when the target has acknowledged everything, with its answer in a word or two for people, or has not.
    /// `now` is in microseconds since 1970.
    fn send(&mut self, delivery: &Delivery, now: i64) -> Result<String, Failure>;
}

/// Why a target did not take a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What follows from it.
    pub kind: FailureKind,
    /// Whether the target answered at all.
    pub answered: bool,
    /// For people; without secrets.
    pub reason: String,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The target is not there, or not able now: later.
    Busy {
        /// The wait that it asked for, in microseconds.
        retry_after: Option<i64>,
    },
    /// It does not let us in: later, for a person must do something.
    Closed,
    /// It does not want this delivery.
    Refused,
}

impl Failure {
    /// The target is not there.
    pub(crate) fn unreachable(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Busy { retry_after: None }, answered: false, reason: reason.into() }
    }

    /// We have not what it takes to ask: a file with a token, say.
    pub(crate) fn closed(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Closed, answered: false, reason: reason.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Failure {}

/// The sender of a target, which [`Targets::check`](crate::Targets::check) has found right.
pub(crate) fn sender(name: &str, target: &Target, out: &Out) -> Result<Box<dyn Sender>, PrepareError> {
    Ok(match target.to().ok_or(PrepareError::Nowhere)? {
        To::Stdout(stdout) => Box::new(stdout::Stdout::new(stdout, Arc::clone(out))),
        To::File(file) => Box::new(file::File::new(file)),
        To::Webhook(webhook) => Box::new(webhook::Webhook::new(name, webhook)?),
        To::Alertmanager(alertmanager) => Box::new(alertmanager::Alertmanager::new(alertmanager)?),
        To::Falcosidekick(falcosidekick) => Box::new(falcosidekick::Falcosidekick::new(falcosidekick)?),
        To::Syslog(syslog) => Box::new(syslog::Syslog::new(syslog)?),
    })
}

/// An error with all its causes, in one line of bounded length and without control characters.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += ": ";
        text += &cause.to_string();
        source = cause.source();
    }
    plain(&text)
}

/// Text from elsewhere, in one line of bounded length.
pub(crate) fn plain(text: &str) -> String {
    const SHOWN_MAX: usize = 300;
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect()
}
