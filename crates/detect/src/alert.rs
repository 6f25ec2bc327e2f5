//! What is told about a match. Its JSON is described by `docs/reference/alert.schema.json`, and a test holds the two
//! together; fields are added, never renamed or taken away.

use std::collections::BTreeMap;
use std::sync::Arc;

use auditward_expr::Field;
use auditward_rules::{Rule, Severity, TemplatePart};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Limits;
use crate::hit::{EventRef, Facts};
use crate::summary::summary;
use crate::texts::{Fields, Texts};
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
    pub rule: Arc<str>,
    /// The rule's title.
    pub title: Arc<str>,
    /// The rule's severity.
    #[serde(with = "word")]
    pub severity: Severity,
    /// Other names of the same alarm.
    pub refs: Arc<[String]>,
    /// Where it stands in the catalogues of attacks.
    pub attack: Arc<Attack>,
    /// The cluster; empty where nobody said.
    pub cluster: Arc<str>,
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
    pub details: BTreeMap<Arc<str>, Value>,
    /// What to do about it.
    pub response: Arc<str>,
    /// What the fields of the rule's summary say, then those of its details, in their order. Not in the JSON.
    #[serde(skip)]
    values: Texts,
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

/// The texts that all alerts of a rule have in common.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    rule: Arc<str>,
    title: Arc<str>,
    refs: Arc<[String]>,
    attack: Arc<Attack>,
    response: Arc<str>,
    /// The names of the rule's further fields.
    details: Box<[Arc<str>]>,
    /// The number of the first of them: those of its summary come before.
    first_detail: usize,
}

impl Common {
    pub(crate) fn of(rule: &Rule) -> Self {
        Common {
            rule: rule.id.as_str().into(),
            title: rule.title.as_str().into(),
            refs: rule.refs.as_slice().into(),
            attack: Arc::new(Attack {
                tactics: rule.attack.tactics.clone(),
                techniques: rule.attack.techniques.clone(),
                threat_matrix: rule.attack.threat_matrix.clone(),
            }),
            response: rule.response.as_str().into(),
            details: rule.details.iter().map(|(name, _)| name.as_str().into()).collect(),
            first_detail: fields(rule).count() - rule.details.len(),
        }
    }

    /// The rule's further fields: a text, several, or null.
    fn details(&self, values: &Fields<'_>) -> BTreeMap<Arc<str>, Value> {
        let json = |texts: &[&str]| match texts {
            [] => Value::Null,
            [one] => (*one).into(),
            several => several.into(),
        };
        let named = self.details.iter().zip(self.first_detail..);
        named.map(|(name, field)| (name.clone(), json(values.get(field)))).collect()
    }
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
    pub(crate) values: Texts,
}

impl Alert {
    /// What fields of the rule's summary or details say of the event, for whoever asks field by field; `rule` must be the
    /// alert's.
    pub fn values<'a>(&'a self, rule: &'a Rule) -> impl FnMut(&Field) -> Vec<String> + 'a {
        let values = self.values.fields();
        move |field| {
            let place = fields(rule).position(|known| known == field);
            place.map_or(&[][..], |place| values.get(place)).iter().map(|text| (*text).to_owned()).collect()
        }
    }

    pub(crate) fn new(
        (rule, common): (&Rule, &Common),
        cluster: &Arc<str>,
        facts: Facts,
        finding: Finding,
        limits: &Limits,
    ) -> Self {
        let values = finding.values.fields();
        let (summary, details) = (summary(rule, &values, limits), common.details(&values));
        Alert {
            id: finding.id,
            time: auditward_event::MicroTime::from_micros(finding.time).to_string(),
            rule: common.rule.clone(),
            title: common.title.clone(),
            severity: rule.severity,
            refs: common.refs.clone(),
            attack: common.attack.clone(),
            cluster: cluster.clone(),
            user: facts.user,
            impersonated_user: facts.impersonated_user,
            source_ips: facts.source_ips,
            user_agent: facts.user_agent,
            verb: facts.verb,
            code: facts.code,
            object: facts.object,
            summary,
            count: finding.count,
            events: finding.events,
            details,
            response: common.response.clone(),
            values: finding.values,
        }
    }
}
