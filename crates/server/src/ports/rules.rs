//! Which detections are at work.

use serde::Serialize;
use utoipa::ToSchema;

use super::Failure;

/// Knows the detections.
pub trait Rules: Send + Sync {
    /// All that are loaded, by id.
    fn list(&self) -> Result<Vec<RuleState>, Failure>;

    /// One of them with its text.
    fn get(&self, id: &str) -> Result<Option<RuleText>, Failure>;
}

/// A detection and how it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleState {
    /// Its name.
    pub id: String,
    /// What it finds, in a few words.
    pub title: String,
    /// How bad that is.
    pub severity: String,
    /// What it is filed under, as `mitre:T1611`.
    pub tags: Vec<String>,
    /// Where it was read from.
    pub source: String,
    /// Whether it is on.
    pub enabled: bool,
    /// Events that it hit since the server started.
    pub hits: u64,
    /// Alerts that it raised since the server started.
    pub alerts: u64,
    /// When it last hit, in RFC 3339.
    pub last: Option<String>,
}

/// A detection and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleText {
    /// The detection.
    pub rule: RuleState,
    /// Its text, as it was read.
    pub text: String,
}
