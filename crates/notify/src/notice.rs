//! What is told, and where it comes from.

use std::fmt;
use std::io;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One alert, as targets see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The alert's id: the same whenever it is told, so that receivers can tell repetitions.
    pub id: String,
    /// Its place in the feed, from 1 up.
    pub seq: u64,
    /// When what it tells of happened, in microseconds since 1970.
    pub time: i64,
    /// How bad it is.
    pub severity: Severity,
    /// The rule's id.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// The cluster; empty where nobody said.
    pub cluster: String,
    /// One line for people.
    pub summary: String,
    /// The alert itself, in the form of `docs/reference/alert.schema.json`.
    pub alert: Value,
    /// The alert with Falco's keys, if whoever found it could say it so.
    pub falco: Option<Value>,
}

/// Where alerts are kept in order. It may be asked for the same place again, also after a restart.
pub trait Feed: Send + Sync {
    /// Up to `max` notices with numbers above `seq`, in ascending order; none when there are none yet.
    fn after(&self, seq: u64, max: usize) -> io::Result<Vec<Notice>>;

    /// The number of the newest notice; 0 when there is none. A new target begins behind it.
    fn last(&self) -> io::Result<u64> {
        const PAGE: usize = 1000;
        let mut last = 0;
        while let Some(notice) = self.after(last, PAGE)?.last() {
            last = notice.seq;
        }
        Ok(last)
    }

    /// Whether nobody has acknowledged or closed this alert yet. Asked before it is told again (`group.repeat`).
    fn is_open(&self, id: &str) -> io::Result<bool> {
        let _ = id;
        Ok(true)
    }
}

/// How bad an alert is: syslog's words, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "syslog's own words")]
pub enum Severity {
    Debug,
    Informational,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl Severity {
    /// From the least to the most.
    pub const ALL: [Self; 8] = [
        Self::Debug,
        Self::Informational,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// As people and files write it: `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Informational => "informational",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    /// As Falco writes it: `Warning`.
    pub(crate) const fn falco(self) -> &'static str {
        match self {
            Self::Debug => "Debug",
            Self::Informational => "Informational",
            Self::Notice => "Notice",
            Self::Warning => "Warning",
            Self::Error => "Error",
            Self::Critical => "Critical",
            Self::Alert => "Alert",
            Self::Emergency => "Emergency",
        }
    }

    /// Syslog's number: 0 is the worst, 7 the least.
    pub(crate) const fn syslog(self) -> u8 {
        7 - self as u8
    }
}

/// A word that is no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no severity; they are debug, informational, notice, warning, error, critical, alert, emergency"
)]
pub struct SeverityError(String);

impl FromStr for Severity {
    type Err = SeverityError;

    fn from_str(word: &str) -> Result<Self, SeverityError> {
        let found = Self::ALL.into_iter().find(|severity| severity.as_str() == word);
        found.ok_or_else(|| SeverityError(word.chars().take(40).collect()))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(severity));
            assert_eq!(severity.falco().to_lowercase(), severity.as_str());
        }
        assert_eq!((Severity::Debug.syslog(), Severity::Emergency.syslog()), (7, 0));
        assert!("Warning".parse::<Severity>().is_err());
    }
}
