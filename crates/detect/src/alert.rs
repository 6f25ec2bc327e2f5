//! What is told about a match. Its JSON is described by `docs/reference/alert.schema.json`, and a test holds the two
//! together; fields are added, never renamed or taken away.

use std::collections::BTreeMap;

use auditward_rules::{Rule, Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hit::{EventRef, Facts};

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The same for the same finding however often it is found: after a crash, from a copy of the log. 32 hexadecimal
    /// digits.
    pub id: String,
    /// Event time of the event that completed it, RFC 3339 with microseconds.
    pub time: String,
    /// The rule's id.
    pub rule: String,
    /// The rule's title.
    pub title: String,
    /// The rule's severity, in lower case.
    pub severity: Level,
    /// Other names of the same alarm.
    pub refs: Vec<String>,
    /// Where it stands in the catalogues of attacks.
    pub attack: Attack,
    /// The cluster; empty where nobody said.
    pub cluster: String,
    /// Who was authenticated; empty if nobody was.
    pub user: String,
    /// As whom the request was carried out, if not as `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonated_user: Option<String>,
    /// From the client's own header up to the address that reached the API server, which is the last.
    #[serde(rename = "sourceIPs")]
    pub source_ips: Vec<String>,
    /// What the client calls itself.
    pub user_agent: String,
    /// Kubernetes' verb, or the HTTP method in lower case.
    pub verb: String,
    /// HTTP status of the response, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// What the request was about; absent for requests that are not about a resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// One line for people.
    pub summary: String,
    /// Requests behind this alert, or different values where the rule counts those.
    pub count: u64,
    /// The last events behind it, in order of time.
    pub events: Vec<EventRef>,
    /// Further fields that the rule asks for, by the rule's own names.
    pub details: BTreeMap<String, Value>,
    /// What to do about it.
    pub response: String,
}

/// Where an alert stands in the catalogues of attacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attack {
    /// MITRE ATT&CK tactics, as words.
    pub tactics: Vec<String>,
    /// MITRE ATT&CK technique ids.
    pub techniques: Vec<String>,
    /// Microsoft's Threat Matrix for Kubernetes.
    pub threat_matrix: Vec<String>,
}

/// What a request was about. Empty where the event says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "objectRef's own names")]
pub struct Object {
    pub api_group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
}

/// [`Severity`], as alerts spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "syslog's own words")]
pub enum Level {
    Debug,
    Informational,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl Level {
    /// As it is spelled in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Informational => "informational",
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Error => "error",
            Level::Critical => "critical",
            Level::Alert => "alert",
            Level::Emergency => "emergency",
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Debug => Level::Debug,
            Severity::Informational => Level::Informational,
            Severity::Notice => Level::Notice,
            Severity::Warning => Level::Warning,
            Severity::Error => Level::Error,
            Severity::Critical => Level::Critical,
            Severity::Alert => Level::Alert,
            Severity::Emergency => Level::Emergency,
        }
    }
}

/// What is particular about one alert: the rest is the rule's, and the event's that completed it.
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) count: u64,
    pub(crate) events: Vec<EventRef>,
    pub(crate) summary: String,
    pub(crate) details: Vec<(String, Value)>,
}

impl Alert {
    pub(crate) fn new(rule: &Rule, cluster: &str, facts: &Facts, finding: Finding) -> Self {
        Alert {
            id: finding.id,
            time: auditward_event::MicroTime::from_micros(facts.time).to_string(),
            rule: rule.id.clone(),
            title: rule.title.clone(),
            severity: rule.severity.into(),
            refs: rule.refs.clone(),
            attack: Attack {
                tactics: rule.attack.tactics.clone(),
                techniques: rule.attack.techniques.clone(),
                threat_matrix: rule.attack.threat_matrix.clone(),
            },
            cluster: cluster.to_owned(),
            user: facts.user.clone(),
            impersonated_user: facts.impersonated_user.clone(),
            source_ips: facts.source_ips.clone(),
            user_agent: facts.user_agent.clone(),
            verb: facts.verb.clone(),
            code: facts.code,
            object: facts.object.clone(),
            summary: finding.summary,
            count: finding.count,
            events: finding.events,
            details: finding.details.into_iter().collect(),
            response: rule.response.clone(),
        }
    }
}
