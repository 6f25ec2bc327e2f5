//! What is told about a match. Its JSON is described by `docs/reference/alert.schema.json`, and a test holds the two
//! together; fields are added, never renamed or taken away.

use std::collections::BTreeMap;

use auditward_expr::Field;
use auditward_rules::{Rule, Severity, TemplatePart};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hit::{EventRef, Facts};
use crate::time::Micros;

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
    /// The rule's severity.
    #[serde(with = "word")]
    pub severity: Severity,
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
    /// What the fields of the rule's summary say, then those of its details, in their order: for whoever prints alerts in
    /// another form. Not in the JSON.
    #[serde(skip)]
    pub values: Vec<Vec<String>>,
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

/// The rule's further fields: a text, several, or null.
fn details(rule: &Rule, values: &[Vec<String>]) -> BTreeMap<String, Value> {
    let before = fields(rule).count() - rule.details.len();
    let of_details = values.get(before..).unwrap_or_default();
    let json = |texts: &Vec<String>| match texts.as_slice() {
        [] => Value::Null,
        [one] => one.as_str().into(),
        several => several.into(),
    };
    rule.details.iter().zip(of_details).map(|((name, _), texts)| (name.clone(), json(texts))).collect()
}

/// The fields that alerts of a rule tell: those of its summary, then its details, in their order.
pub(crate) fn fields(rule: &Rule) -> impl Iterator<Item = &Field> {
    let of_summary = rule.summary.parts.iter().filter_map(|part| match part {
        TemplatePart::Field { field, .. } => Some(field),
        TemplatePart::Text(_) => None,
    });
    of_summary.chain(rule.details.iter().map(|(_, field)| field))
}

/// As its word.
mod word {
    use std::borrow::Cow;

    use auditward_rules::Severity;
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
    pub(super) fn serialize<S: Serializer>(severity: &Severity, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(severity.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What is particular about one alert: the rest is the rule's, and the event's that completed it.
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) time: Micros,
    pub(crate) count: u64,
    pub(crate) events: Vec<EventRef>,
    pub(crate) summary: String,
    pub(crate) values: Vec<Vec<String>>,
}

impl Alert {
    /// What a field of the rule's summary or details says of the event; `rule` must be the alert's.
    pub fn values_of(&self, rule: &Rule, field: &Field) -> &[String] {
        let place = fields(rule).position(|known| known == field);
        place.and_then(|place| self.values.get(place)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn new(rule: &Rule, cluster: &str, facts: Facts, finding: Finding) -> Self {
        Alert {
            id: finding.id,
            time: auditward_event::MicroTime::from_micros(finding.time).to_string(),
            rule: rule.id.clone(),
            title: rule.title.clone(),
            severity: rule.severity,
            refs: rule.refs.clone(),
            attack: Attack {
                tactics: rule.attack.tactics.clone(),
                techniques: rule.attack.techniques.clone(),
                threat_matrix: rule.attack.threat_matrix.clone(),
            },
            cluster: cluster.to_owned(),
            user: facts.user,
            impersonated_user: facts.impersonated_user,
            source_ips: facts.source_ips,
            user_agent: facts.user_agent,
            verb: facts.verb,
            code: facts.code,
            object: facts.object,
            summary: finding.summary,
            count: finding.count,
            events: finding.events,
            details: details(rule, &finding.values),
            values: finding.values,
            response: rule.response.clone(),
        }
    }
}
