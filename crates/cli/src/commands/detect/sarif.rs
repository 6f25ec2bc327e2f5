//! SARIF 2.1.0 (OASIS): one run, its rules, one result an alert. Written piece by piece, so that a million alerts need no
//! memory.

use std::io::{self, Write};

use auditward_detect::{Alert, RuleSet};
use auditward_rules::Severity;
use serde_json::{Value, json};

use super::print::object;

pub(super) fn begin(out: &mut impl Write, set: &RuleSet) -> io::Result<()> {
    let rules: Vec<Value> = set
        .rules()
        .iter()
        .map(|rule| {
            let described = if rule.description.is_empty() { &rule.title } else { &rule.description };
            let tags: Vec<&String> =
                rule.tags.iter().chain(&rule.attack.techniques).chain(&rule.attack.threat_matrix).collect();
            let mut descriptor = json!({
                "id": rule.id,
                "name": rule.title,
                "shortDescription": { "text": rule.title },
                "fullDescription": { "text": described },
                "defaultConfiguration": { "level": level(rule.severity) },
                "properties": { "tags": tags, "severity": rule.severity.as_str() },
            });
            if !rule.response.is_empty() {
                descriptor["help"] = json!({ "text": rule.response });
            }
            descriptor
        })
        .collect();
    let tool = json!({
        "driver": {
            "name": "Auditward",
            "version": env!("CARGO_PKG_VERSION"),
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": rules,
        }
    });
    let schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
    write!(out, r#"{{"$schema":"{schema}","version":"2.1.0","runs":[{{"tool":{tool},"results":["#)
}

pub(super) fn result(out: &mut impl Write, set: &RuleSet, alert: &Alert, first: bool) -> io::Result<()> {
    let index = set.place_of(&alert.rule);
    let result = json!({
        "ruleId": alert.rule,
        "ruleIndex": index,
        "level": level(alert.severity),
        "message": { "text": alert.summary },
        "occurrenceCount": alert.count.max(1),
        "locations": [{ "logicalLocations": [{ "kind": "resource", "fullyQualifiedName": object(alert) }] }],
        "partialFingerprints": { "auditward/v1": alert.id },
        "properties": alert,
    });
    write!(out, "{}\n{result}", if first { "" } else { "," })
}

pub(super) fn end(out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\n]}]}\n")
}

/// SARIF has three levels for problems.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Debug | Severity::Informational | Severity::Notice => "note",
        Severity::Warning => "warning",
        Severity::Error | Severity::Critical | Severity::Alert | Severity::Emergency => "error",
    }
}
