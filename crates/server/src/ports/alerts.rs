//! Where alerts are looked at.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Failure;

/// Keeps alerts and what people made of them.
pub trait Alerts: Send + Sync {
    /// A page of alerts, the newest first.
    fn list(&self, filter: &AlertFilter, before: Option<u64>, limit: usize) -> Result<AlertPage, Failure>;

    /// One alert.
    fn get(&self, id: &str) -> Result<Option<Alert>, Failure>;

    /// Notes, durably, what somebody made of an alert, and returns it as it is now; `None` when there is none.
    fn triage(&self, id: &str, triage: &Triage) -> Result<Option<Alert>, Failure>;
}

/// Which alerts. What is `None` or empty holds for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// In one of these states.
    pub states: Vec<AlertState>,
    /// Of at least this severity; the word is the rules' own, an unknown one is `Failure::Bad`.
    pub severity: Option<String>,
    /// Of this rule.
    pub rule: Option<String>,
    /// In this cluster.
    pub cluster: Option<String>,
    /// Not before this time: RFC 3339, or a span before now such as `2h`; another text is `Failure::Bad`.
    pub since: Option<String>,
    /// Before this time, written likewise.
    pub until: Option<String>,
}

/// A page of alerts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlertPage {
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// The next page is what is `before` this; none after the last.
    pub next: Option<u64>,
}

/// One alert.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Alert {
    /// Its name, the same for ever.
    pub id: String,
    /// How many alerts there were before it.
    pub seq: u64,
    /// When it was, in RFC 3339.
    pub time: String,
    /// The rule that raised it.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// How bad it is, a word of the rules.
    pub severity: String,
    /// Where it was.
    pub cluster: String,
    /// What happened, in a sentence.
    pub summary: String,
    /// What people made of it.
    pub state: AlertState,
    /// What people did to it, the oldest first.
    pub history: Vec<Triaged>,
    /// The whole alert with its events, as `auditward detect --output json` writes it.
    #[schema(value_type = Object)]
    pub alert: Box<RawValue>,
}

/// Something that somebody did to an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Triaged {
    /// The state that it was put into.
    pub state: AlertState,
    /// What they noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who.
    pub by: String,
    /// When, in RFC 3339.
    pub at: String,
}

/// What people made of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// It is dealt with.
    Closed,
}

/// What somebody makes of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triage {
    /// The state that it shall have.
    pub state: AlertState,
    /// What they note.
    pub note: Option<String>,
    /// Who it is: the name of their token.
    pub by: String,
}
