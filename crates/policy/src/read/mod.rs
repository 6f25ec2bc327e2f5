//! Reading a policy: text in, the policy or everything that is wrong with it out.
//!
//! ```text
//! text ── json / yaml ──► tree ── header ──► is it a Policy of audit.k8s.io/v1?
//!                           └──── decode ──► raw values, right types
//!                                    └────── validate ──► Policy
//! ```
//! Invariant: a text is accepted exactly when kube-apiserver accepts it. Unknown and doubled keys are warnings
//! there, so they are warnings here, but with a place and a hint.

mod decode;
mod finding;
mod go;
mod header;
mod json;
mod metadata;
mod raw;
mod source;
mod suggest;
mod tree;
mod validate;
mod yaml;

pub use finding::{Finding, Severity};
pub use header::API_VERSION;
pub use source::{FieldPath, Position, Span, Step, position};
pub use suggest::did_you_mean;
pub(crate) use suggest::nearest;
pub use tree::{Duplicate, Entry, Node, SyntaxError, Tree, Value};

use std::collections::HashSet;

use auditward_event::Level;

use crate::StageSet;
use crate::model::{GroupResources, Policy, Rule};
use raw::{Located, RawGroupResources, RawLevel, RawPolicy, RawRule};
use yaml::Letters;

/// The largest policy that is read, in bytes. Published ones have a few kilobytes.
pub const BYTES_MAX: usize = 1 << 20;

/// How many findings are told; of more, warnings are left out first.
pub const FINDINGS_MAX: usize = 1000;

/// What reading a text gave.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The policy, when kube-apiserver would accept the text.
    pub policy: Option<Policy>,
    /// Everything there is to say, in the order of the text, up to [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How kube-apiserver words its refusal; `None` when it accepts the text or fails to decode it, which it
    /// says less well than the findings do.
    pub reference_refusal: Option<String>,
    /// The document, for finding places again; `None` when it could not be parsed at all.
    pub root: Option<Node>,
}

impl Reading {
    /// Where the field at `path` stands, or the nearest thing around it.
    pub fn span(&self, path: &FieldPath) -> Span {
        self.root.as_ref().map_or(0..0, |root| root.nearest(path).span.clone())
    }
}

/// Reads a policy from JSON or YAML.
pub fn read(text: &[u8]) -> Reading {
    let mut reading = read_in_order_of_evaluation(text);
    if reading.findings.len() > FINDINGS_MAX {
        reading.findings.sort_by_key(|finding| finding.severity);
        reading.findings.truncate(FINDINGS_MAX);
    }
    reading.findings.sort_by_key(|finding| (finding.span.start, finding.severity));
    reading
}

/// Every document of a YAML stream as a tree with places, for other files than policies: manifests, Falco's rules.
/// What stands before a mistake is handed out with it. Bounded as policies are, except that the caller bounds the text.
pub fn documents(text: &[u8]) -> (Vec<Tree>, Option<SyntaxError>) {
    yaml::parse_all(text, Letters::Booleans)
}

/// The same for rules of detections that other programs read too: `y` and `n` alone are texts. So YAML 1.2 has it, and
/// `PyYAML`, which reads Sigma's rules elsewhere.
pub fn rule_documents(text: &[u8]) -> (Vec<Tree>, Option<SyntaxError>) {
    yaml::parse_all(text, Letters::Texts)
}

fn read_in_order_of_evaluation(text: &[u8]) -> Reading {
    let mut reading = Reading { policy: None, findings: Vec::new(), reference_refusal: None, root: None };
    if text.len() > BYTES_MAX {
        reading.findings.push(document_error(0, format!("larger than {BYTES_MAX} bytes"), None));
        return reading;
    }
    let json = looks_like_json(text);
    let parsed = if json { json::parse(text) } else { yaml::parse(text) };
    let tree = match parsed {
        Ok(tree) => tree,
        Err(error) => {
            let hint = error.hint.map(str::to_owned);
            reading.findings.push(document_error(error.offset, error.message, hint));
            return reading;
        }
    };
    for duplicate in tree.duplicates {
        let first = position(text, duplicate.first.start);
        reading.findings.push(Finding {
            severity: Severity::Warning,
            path: FieldPath::ROOT,
            span: duplicate.again,
            message: if json {
                format!("key `{}` is set already at {first}; kube-apiserver mixes the two", duplicate.key)
            } else {
                format!("key `{}` is set already at {first}; this one wins", duplicate.key)
            },
            hint: Some("keep one of the two".to_owned()),
            reference: None,
        });
    }
    let root = tree.root;
    let header = header::check(&root, json);
    let is_policy = header.as_ref().is_none_or(|finding| finding.reference.is_some());
    // Without a version the reference knows no field, so it does not see their types either.
    reading.reference_refusal = header.as_ref().and_then(|finding| finding.reference.clone());
    let accepted_header = header.is_none();
    reading.findings.extend(header);
    let before = reading.findings.len();
    // A document of another kind is not judged as if it were a policy.
    let raw = is_policy.then(|| decode::decode(&root, &mut reading.findings));
    let decoded = !reading.findings[before..].iter().any(|finding| finding.severity == Severity::Error);
    reading.root = Some(root);
    let Some(raw) = raw else { return reading };

    let before = reading.findings.len();
    validate::validate(&raw, &mut reading.findings);
    if decoded && accepted_header {
        reading.reference_refusal = aggregate(&reading.findings[before..]);
        if reading.reference_refusal.is_none() && raw.rules.is_empty() {
            reading.reference_refusal = Some("loaded illegal policy with 0 rules".to_owned());
            reading.findings.push(no_rules(&reading));
        }
        if reading.reference_refusal.is_none() {
            reading.policy = Some(policy(&raw));
        }
    }
    reading
}

/// Whether the first character that is no space begins a JSON object; such a text is never read as YAML.
fn looks_like_json(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).trim_start().starts_with('{')
}

/// Validation errors as the reference joins them; equal texts are told once.
fn aggregate(findings: &[Finding]) -> Option<String> {
    let mut known = HashSet::new();
    let texts = findings.iter().filter_map(|finding| finding.reference.as_deref());
    let texts: Vec<&str> = texts.filter(|text| known.insert(*text)).collect();
    match texts.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

fn no_rules(reading: &Reading) -> Finding {
    let path = FieldPath::ROOT.key("rules");
    Finding {
        severity: Severity::Error,
        span: reading.span(&path),
        path,
        message: "the policy has no rules".to_owned(),
        hint: Some("`rules` needs at least one entry, for example `- level: Metadata`".to_owned()),
        reference: None,
    }
}

fn document_error(offset: usize, message: String, hint: Option<String>) -> Finding {
    Finding {
        severity: Severity::Error,
        path: FieldPath::ROOT,
        span: offset..offset,
        message,
        hint,
        reference: None,
    }
}

/// The policy that a validated document says.
fn policy(raw: &RawPolicy) -> Policy {
    Policy {
        rules: raw.rules.iter().map(rule).collect(),
        omit_stages: stages(&raw.omit_stages),
        omit_managed_fields: raw.omit_managed_fields,
    }
}

fn rule(raw: &RawRule) -> Rule {
    let level = match &raw.level {
        RawLevel::Word(word) => word.value.parse().ok(),
        RawLevel::Absent | RawLevel::Unreadable => None,
    };
    Rule {
        level: level.unwrap_or(Level::None),
        users: strings(&raw.users),
        user_groups: strings(&raw.user_groups),
        verbs: strings(&raw.verbs),
        resources: raw.resources.iter().map(group_resources).collect(),
        namespaces: strings(&raw.namespaces),
        non_resource_urls: strings(&raw.non_resource_urls),
        omit_stages: stages(&raw.omit_stages),
        omit_managed_fields: raw.omit_managed_fields,
    }
}

fn group_resources(raw: &RawGroupResources) -> GroupResources {
    GroupResources {
        group: raw.group.value.clone(),
        resources: strings(&raw.resources),
        resource_names: strings(&raw.resource_names),
    }
}

fn strings(located: &[Located<String>]) -> Vec<String> {
    located.iter().map(|entry| entry.value.clone()).collect()
}

fn stages(located: &[Located<String>]) -> StageSet {
    located.iter().filter_map(|stage| stage.value.parse().ok()).collect()
}
