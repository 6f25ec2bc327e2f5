//! How much of a request an event records.

use std::fmt;
use std::str::FromStr;

/// How much of a request is recorded, from nothing to both bodies.
///
/// Ordered as kube-apiserver orders them: `None < Metadata < Request < RequestResponse`.
/// Source: `audit.k8s.io/v1`, `Level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The request is not recorded at all.
    None,
    /// Who, what, when and the outcome; no bodies.
    Metadata,
    /// [`Level::Metadata`] and the request's body.
    Request,
    /// [`Level::Request`] and the response's body.
    RequestResponse,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Level; 4] = [Level::None, Level::Metadata, Level::Request, Level::RequestResponse];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::None => "None",
            Level::Metadata => "Metadata",
            Level::Request => "Request",
            Level::RequestResponse => "RequestResponse",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is not a [`Level`]; names are case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level `{0}`, expected None, Metadata, Request or RequestResponse")]
pub struct UnknownLevel(pub String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Level::ALL.into_iter().find(|level| level.as_str() == s).ok_or_else(|| UnknownLevel(s.to_owned()))
    }
}
