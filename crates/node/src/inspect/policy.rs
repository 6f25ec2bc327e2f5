//! The policy that a flag names: is it there, would it be read, what does it record?

use auditward_base::Digest;
use auditward_event::{Level, Stage};
use auditward_policy::lint::{self, lint};
use auditward_policy::read::{BYTES_MAX, Severity, position, read};
use auditward_policy::{Evaluator, RequestInfo, User};
use serde::Serialize;

use super::host::{Host, Kind, is_absent};
use super::place::Place;

/// The policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyFacts {
    /// As the API server knows it.
    pub flag: String,
    /// On this machine; `None` where it lies nowhere outside of a container.
    pub path: Option<String>,
    /// When it was last changed, in microseconds since 1970.
    #[serde(skip)]
    pub modified: Option<i64>,
    /// What it is.
    #[serde(flatten)]
    pub state: PolicyState,
    /// The digest that the manifest says the policy had when auditing was turned on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_with: Option<String>,
}

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PolicyState {
    /// No mount of the pod covers it.
    NotMounted,
    /// Where it lies can't be told.
    Elsewhere {
        /// Why.
        why: String,
    },
    /// Nothing.
    Missing,
    /// A folder: what a container runtime makes of a missing path.
    Folder,
    /// It can't be read.
    Unreadable {
        /// What the system said.
        why: String,
    },
    /// kube-apiserver would not start with it.
    Refused {
        /// The first line with an error, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// kube-apiserver would start with it.
    Accepted(Box<Accepted>),
}

/// A policy that would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// `sha256:…` of the file.
    pub digest: String,
    /// How many rules it has.
    pub rules: usize,
    /// Whether nothing at all is recorded.
    pub records_nothing: bool,
    /// Whether it records some of what an API server is asked all the time by its own cluster: then a quiet log is a
    /// sign.
    pub records_routine: bool,
    /// Lint findings of severity error.
    pub errors: usize,
    /// Of severity warning.
    pub warnings: usize,
    /// Of severity info.
    pub notes: usize,
    /// Those that matter: errors and warnings, and what a benchmark asks for.
    pub findings: Vec<Finding>,
}

/// One lint finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which lint.
    pub id: &'static str,
    /// How much it matters.
    #[serde(serialize_with = "super::find::shown")]
    pub severity: lint::Severity,
    /// Its line, from 1.
    pub line: usize,
    /// What is the matter.
    pub message: String,
}

pub(super) fn look(host: &Host, place: Place, flag: String, annotated: Option<String>) -> PolicyFacts {
    let mut facts = PolicyFacts {
        flag,
        path: None,
        modified: None,
        state: PolicyState::NotMounted,
        enabled_with: annotated,
    };
    match place {
        Place::Container => {}
        Place::Unknown(why) => facts.state = PolicyState::Elsewhere { why },
        Place::Node { path, .. } => {
            facts.state = state(host, &path);
            facts.modified = host.stat(&path).ok().map(|stat| stat.modified);
            facts.path = Some(path);
        }
    }
    facts
}

fn state(host: &Host, path: &str) -> PolicyState {
    match host.stat(path) {
        Err(error) if is_absent(&error) => return PolicyState::Missing,
        Err(error) => return PolicyState::Unreadable { why: error.to_string() },
        Ok(stat) if stat.kind == Kind::Folder => return PolicyState::Folder,
        Ok(_) => {}
    }
    match host.read(path, BYTES_MAX as u64) {
        Ok(text) => of_text(&text),
        Err(error) => PolicyState::Unreadable { why: error.to_string() },
    }
}

fn of_text(text: &[u8]) -> PolicyState {
    let reading = read(text);
    let Some(policy) = &reading.policy else {
        let error = reading.findings.iter().find(|finding| finding.severity == Severity::Error);
        let line = error.map_or(1, |error| position(text, error.span.start).line);
        let message = error.map_or_else(|| "kube-apiserver refuses it".to_owned(), |e| e.message.clone());
        return PolicyState::Refused { line, message };
    };
    let findings = lint(text, &reading);
    let number = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let accepted = Accepted {
        digest: Digest::of(text).to_string(),
        rules: policy.rules.len(),
        records_nothing: findings.iter().any(|finding| finding.id == "records-nothing"),
        records_routine: records_routine(&Evaluator::new(policy.clone())),
        errors: number(lint::Severity::Error),
        warnings: number(lint::Severity::Warning),
        notes: number(lint::Severity::Info),
        findings: findings
            .iter()
            .filter(|finding| {
                finding.severity <= lint::Severity::Warning
                    || finding.refs.iter().any(|at| at.starts_with("CIS") || at.starts_with("STIG"))
            })
            .map(|finding| Finding {
                id: finding.id,
                severity: finding.severity,
                line: position(text, finding.span.start).line,
                message: finding.message.clone(),
            })
            .collect(),
    };
    PolicyState::Accepted(Box::new(accepted))
}

/// What every cluster asks its API server every few seconds: leaders renew their leases, the kubelet's probes ask.
fn records_routine(policy: &Evaluator) -> bool {
    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    let requests = [
        ("PUT", "kube-scheduler", "system:kube-scheduler", &["system:authenticated"][..]),
        ("PUT", "kube-controller-manager", "system:kube-controller-manager", &["system:authenticated"][..]),
        ("GET", "kube-controller-manager", "system:kube-controller-manager", &["system:authenticated"][..]),
    ];
    let leases = requests.iter().any(|(method, lease, user, groups)| {
        let path = format!("{LEASES}/{lease}");
        asked(policy, method, &path, user, groups)
    });
    leases || asked(policy, "GET", "/readyz", "system:anonymous", &["system:unauthenticated"])
}

fn asked(policy: &Evaluator, method: &str, path: &str, user: &str, groups: &[&str]) -> bool {
    let Ok(info) = RequestInfo::resolve(method, path) else { return false };
    let decision = policy.decide(&info.attributes(Some(User { name: user, groups })));
    decision.level != Level::None && !decision.omit_stages.contains(Stage::ResponseComplete)
}

impl PolicyFacts {
    /// What an accepted policy says.
    pub fn accepted(&self) -> Option<&Accepted> {
        match &self.state {
            PolicyState::Accepted(accepted) => Some(accepted),
            _ => None,
        }
    }
}
