//! What CIS and DISA ask of auditing, each by its number.
//!
//! CIS numbers are those of the Kubernetes benchmark 1.9 to 1.12, STIG numbers those of V2R6. A scanner reads flags; where
//! a flag passes and auditing is off all the same, the evidence says so.

use serde::Serialize;

use super::facts::Facts;
use super::find::{Distribution, Origin};
use super::policy::{PolicyFacts, PolicyState};

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `CIS 1.2.16`
    pub id: &'static str,
    /// What is asked.
    pub title: &'static str,
    /// Whether it is so.
    pub result: CheckResult,
    /// What was seen.
    pub evidence: String,
    /// What to do; absent where it passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// It is so.
    Pass,
    /// It is not.
    Fail,
    /// Somebody has to look.
    Manual,
}

type Outcome = (CheckResult, String, Option<String>);

/// Every check, by id.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let path = log_path(facts);
    let age = at_least(facts, "audit-log-maxage", 30, true);
    let backups = at_least(facts, "audit-log-maxbackup", 10, true);
    let size = at_least(facts, "audit-log-maxsize", 100, false);
    let minimal = minimal_policy(facts);
    let all: [(&str, &str, Outcome); 13] = [
        ("CIS 1.2.16", "--audit-log-path is set", path.clone()),
        ("CIS 1.2.17", "--audit-log-maxage is 30 or more", age.clone()),
        ("CIS 1.2.18", "--audit-log-maxbackup is 10 or more", backups.clone()),
        ("CIS 1.2.19", "--audit-log-maxsize is 100 or more", size.clone()),
        ("CIS 3.2.1", "there is a minimal audit policy", minimal.clone()),
        ("CIS 3.2.2", "the policy covers key security concerns", by_lint(facts, "cis-3-2-2")),
        ("STIG V-242402", "the API server has an audit log path", path.clone()),
        ("STIG V-242403", "the policy records who did what, when, where from, with what result", stig(facts)),
        ("STIG V-242461", "audit logs are enabled", minimal),
        ("STIG V-242462", "the maximum size of an audit log is 100 MB or more", size),
        ("STIG V-242463", "ten or more old audit logs are kept", backups),
        ("STIG V-242464", "audit logs are kept for 30 days or more", age),
        ("STIG V-242465", "the audit log path is set", path),
    ];
    all.into_iter()
        .map(|(id, title, (result, evidence, remedy))| Check { id, title, result, evidence, remedy })
        .collect()
}

fn remedy(facts: &Facts, what: &str) -> String {
    let way = facts.found.distribution.map(Distribution::right_way);
    way.map_or_else(|| what.to_owned(), |way| format!("{what}: {way}"))
}

/// Nobody knows what is set where no API server was found.
fn nothing(facts: &Facts) -> Option<Outcome> {
    let none = facts.found.distribution.is_none();
    none.then(|| (CheckResult::Manual, "no API server was found here".to_owned(), None))
}

fn log_path(facts: &Facts) -> Outcome {
    if let Some(outcome) = nothing(facts) {
        return outcome;
    }
    match facts.flag("audit-log-path") {
        None => (CheckResult::Fail, "not set".to_owned(), Some(remedy(facts, "set --audit-log-path"))),
        Some(flag) => {
            let mut evidence = format!("{} ({})", flag.value, flag.origin);
            if flag.value == "-" {
                evidence += ", standard output: what keeps it is to be shown";
            }
            if facts.flag("audit-policy-file").is_none()
                && facts.found.distribution != Some(Distribution::MicroShift)
            {
                evidence += "; without a policy nothing is written to it";
            }
            (CheckResult::Pass, evidence, None)
        }
    }
}

/// `zero_is_no_end`: 0 stands for "without end", which is more than asked, and scanners that compare numbers fail it.
fn at_least(facts: &Facts, name: &str, least: u64, zero_is_no_end: bool) -> Outcome {
    if let Some(outcome) = nothing(facts) {
        return outcome;
    }
    let set = || Some(remedy(facts, &format!("set --{name}={least}")));
    let Some(flag) = facts.flag(name).filter(|flag| flag.origin != Origin::Default) else {
        let default = facts.flag(name).map(|flag| format!(", by default {}", flag.value)).unwrap_or_default();
        return (CheckResult::Fail, format!("not set{default}"), set());
    };
    let evidence = format!("{} ({})", flag.value, flag.origin);
    match flag.value.trim().parse::<u64>() {
        Ok(number) if number >= least => (CheckResult::Pass, evidence, None),
        Ok(0) if zero_is_no_end => (
            CheckResult::Fail,
            format!("{evidence}: without end, which a scanner takes for too little"),
            set(),
        ),
        Ok(_) => (CheckResult::Fail, evidence, set()),
        Err(_) => (CheckResult::Fail, format!("{evidence}: no number"), set()),
    }
}

fn minimal_policy(facts: &Facts) -> Outcome {
    if let Some(outcome) = nothing(facts) {
        return outcome;
    }
    let Some(policy) = &facts.policy else {
        if facts.found.distribution == Some(Distribution::MicroShift) {
            return (CheckResult::Manual, "MicroShift's own policy".to_owned(), None);
        }
        return (
            CheckResult::Fail,
            "--audit-policy-file is not set".to_owned(),
            Some(remedy(facts, "set --audit-policy-file")),
        );
    };
    let path = policy.path.as_deref().unwrap_or(&policy.flag);
    match &policy.state {
        PolicyState::Accepted(accepted) if accepted.records_nothing => (
            CheckResult::Fail,
            format!("{path} records nothing; a scanner that only reads flags passes it"),
            Some("write a policy that records, and judge it with auditward policy lint".to_owned()),
        ),
        PolicyState::Accepted(accepted) => {
            (CheckResult::Pass, format!("{path}, {} rules, {}", accepted.rules, accepted.digest), None)
        }
        state => unreadable(path, state),
    }
}

fn by_lint(facts: &Facts, prefix: &str) -> Outcome {
    let Some(accepted) = facts.policy.as_ref().and_then(PolicyFacts::accepted) else {
        return minimal_policy(facts);
    };
    let path = facts.policy.as_ref().and_then(|policy| policy.path.as_deref()).unwrap_or_default();
    let mut told: Vec<String> = accepted
        .findings
        .iter()
        .filter(|finding| finding.id.starts_with(prefix))
        .map(|finding| format!("{path}:{}: {}", finding.line, finding.message))
        .collect();
    if accepted.records_nothing {
        told.insert(0, format!("{path} records nothing"));
    }
    if told.is_empty() {
        (CheckResult::Pass, format!("{path}: asked of all requests there can be"), None)
    } else {
        (CheckResult::Fail, told.join("; "), Some(format!("auditward policy lint {path}")))
    }
}

fn stig(facts: &Facts) -> Outcome {
    let intent = by_lint(facts, "stig-v-242403-intent");
    let literal = by_lint(facts, "stig-v-242403-literal");
    match (intent.0, literal.0) {
        (CheckResult::Pass, CheckResult::Fail) => (
            CheckResult::Manual,
            format!(
                "who, what, when, where from and the result are recorded; the STIG's own text asks for RequestResponse everywhere, \
                 which CIS 3.2.2 forbids for Secrets ({})",
                literal.1
            ),
            Some("document the deviation".to_owned()),
        ),
        _ => intent,
    }
}

fn unreadable(path: &str, state: &PolicyState) -> Outcome {
    let fail = |what: String| {
        (CheckResult::Fail, what, Some("write a policy there that auditward policy check accepts".to_owned()))
    };
    match state {
        PolicyState::NotMounted => fail(format!("{path} lies in no mount of the pod")),
        PolicyState::Missing => fail(format!("{path} does not exist")),
        PolicyState::Folder => fail(format!("{path} is a folder")),
        PolicyState::Refused { line, message } => fail(format!("{path}:{line}: {message}")),
        PolicyState::Unreadable { why } | PolicyState::Elsewhere { why } => {
            (CheckResult::Manual, format!("{path}: {why}"), None)
        }
        PolicyState::Accepted(_) => (CheckResult::Pass, path.to_owned(), None),
    }
}
