//! What reading a policy has to say about it.

use std::fmt;

use super::source::{FieldPath, Span};

/// One thing to tell the author, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether kube-apiserver refuses the policy for it.
    pub severity: Severity,
    /// The field; empty for the document as a whole.
    pub path: FieldPath,
    /// Where it stands in the text.
    pub span: Span,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What kube-apiserver itself says, word for word, where it validates rather than decodes.
    pub reference: Option<String>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// kube-apiserver refuses to start with this policy.
    Error,
    /// kube-apiserver accepts it, but older releases refuse it or it does not mean what it seems to.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}
