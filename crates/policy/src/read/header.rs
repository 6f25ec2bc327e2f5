//! `apiVersion` and `kind`: is this a policy at all, and of the one version that is served?

use super::finding::{Finding, Severity};
use super::source::{FieldPath, Span};
use super::suggest::did_you_mean;
use super::tree::{Node, Value};

/// The only version that kube-apiserver reads.
pub const API_VERSION: &str = "audit.k8s.io/v1";

/// The refusal of a document whose type information is missing; kube-apiserver's words.
const NO_VERSION: &str = "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy";

/// Tells what is wrong with the type information. `Some` refuses the document.
pub(super) fn check(root: &Node, json: bool) -> Option<Finding> {
    match &root.value {
        Value::Map(_) | Value::Null => {}
        _ => {
            return Some(refusal(
                FieldPath::ROOT,
                root.span.clone(),
                format!("expected a mapping with `apiVersion`, `kind` and `rules`, found {}", root.kind()),
                None,
            ));
        }
    }
    let version = match word(root, "apiVersion", json) {
        Ok(word) => word,
        Err(finding) => return Some(*finding),
    };
    let kind = match word(root, "kind", json) {
        Ok(word) => word,
        Err(finding) => return Some(*finding),
    };
    match (version.text, kind.text) {
        (API_VERSION, "" | "Policy") => None,
        ("" | "/" | "audit.k8s.io/" | "audit.k8s.io/__internal", "" | "Policy") => {
            Some(missing_version(root, &version))
        }
        (API_VERSION | "" | "/" | "audit.k8s.io/" | "audit.k8s.io/__internal", other) => {
            Some(wrong_kind(other, &kind))
        }
        (other, "" | "Policy") => Some(wrong_version(other, &version)),
        (other, of_kind) if other.starts_with("audit.k8s.io/") => Some(wrong_kind(of_kind, &kind)),
        (other, of_kind) => Some(refusal(
            FieldPath::ROOT.key("kind"),
            kind.span.clone(),
            format!("this is a `{of_kind}` of `{other}`, not an audit policy"),
            Some(format!(
                "if a policy is inside it, take out the part that begins with `apiVersion: {API_VERSION}`"
            )),
        )),
    }
}

struct Word<'n> {
    text: &'n str,
    span: Span,
}

/// The string at `name`, found without regard to case as Go's JSON decoder does; the last one wins.
fn word<'n>(root: &'n Node, name: &str, json: bool) -> Result<Word<'n>, Box<Finding>> {
    let mut found = Word { text: "", span: root.span.start..root.span.start };
    let Value::Map(entries) = &root.value else { return Ok(found) };
    let mut named: Vec<_> = entries.iter().filter(|entry| entry.key.eq_ignore_ascii_case(name)).collect();
    // YAML is brought into JSON with its keys sorted, so there the spelling that sorts last is the one that counts.
    if json {
        named.sort_by_key(|entry| entry.key_span.start);
    } else {
        named.sort_by(|a, b| a.key.cmp(&b.key));
    }
    for entry in named {
        let span = entry.node.span.clone();
        match &entry.node.value {
            Value::Null => {}
            Value::String(text) => found = Word { text, span },
            _ => {
                return Err(Box::new(refusal(
                    FieldPath::ROOT.key(&entry.key),
                    span,
                    format!("expected a string, found {}", entry.node.kind()),
                    None,
                )));
            }
        }
    }
    Ok(found)
}

fn missing_version(root: &Node, version: &Word<'_>) -> Finding {
    let empty = match &root.value {
        Value::Map(entries) => entries.is_empty(),
        _ => true,
    };
    let what = if empty { "the policy is empty" } else { "`apiVersion` is missing or empty" };
    let mut finding = refusal(
        FieldPath::ROOT.key("apiVersion"),
        version.span.clone(),
        what.to_owned(),
        Some(format!("begin the file with `apiVersion: {API_VERSION}` and `kind: Policy`")),
    );
    finding.reference = Some(NO_VERSION.to_owned());
    finding
}

fn wrong_kind(found: &str, kind: &Word<'_>) -> Finding {
    let hint = did_you_mean(found, ["Policy"])
        .map_or("this file is no audit policy; a policy has `kind: Policy`", |_| "did you mean `Policy`?");
    refusal(
        FieldPath::ROOT.key("kind"),
        kind.span.clone(),
        format!("kind `{found}` is not `Policy`"),
        Some(hint.to_owned()),
    )
}

fn wrong_version(found: &str, version: &Word<'_>) -> Finding {
    let (message, hint) = match found {
        "audit.k8s.io/v1beta1" | "audit.k8s.io/v1alpha1" => (
            format!("apiVersion `{found}` is refused since Kubernetes 1.24"),
            format!("write `{API_VERSION}`; the rules need no other change"),
        ),
        _ => (
            format!("apiVersion `{found}` is not `{API_VERSION}`"),
            format!("write `apiVersion: {API_VERSION}`"),
        ),
    };
    refusal(FieldPath::ROOT.key("apiVersion"), version.span.clone(), message, Some(hint))
}

fn refusal(path: FieldPath, span: Span, message: String, hint: Option<String>) -> Finding {
    Finding { severity: Severity::Error, path, span, message, hint, reference: None }
}
