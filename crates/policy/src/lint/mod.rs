//! What is unwise in a policy that kube-apiserver would accept: dead rules, names that mean nothing, credentials in
//! recorded bodies, noise, blind spots, and what CIS and DISA ask for.
//!
//! ```text
//! text, Reading ──► Context ── one file a lint ──► drafts ──► LintFinding ── fix ──► text
//! ```
//! Whatever is said about requests is worked out by [`crate::space`] for all of them, and comes with one as proof:
//! the plain engine decides it by the rule that the proof names.
//!
//! Invariant: a [`Fix`] that is offered has been tried. Its text is accepted, and says what was meant, nothing else.

mod context;
mod edit;
mod fix;
mod list;
mod names;
mod who;

mod blind;
mod bodies;
mod compliance;
mod dead;
mod noise;
mod unknown;

use std::fmt;

use crate::read::{FieldPath, Reading, Span};
use crate::space::OwnedAttributes;
use context::Context;

pub use fix::{Fixed, fix, fix_all};
pub use list::LINTS;

/// One thing that the author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintFinding {
    /// Which lint says so; never changes once released.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The rule it is about, counted from 0; `None` when it is about the policy as a whole.
    pub rule: Option<usize>,
    /// The field.
    pub path: FieldPath,
    /// Where it stands in the text.
    pub span: Span,
    /// What is the matter, lower case, no full stop.
    pub message: String,
    /// Why that matters, in a sentence or two.
    pub why: &'static str,
    /// A change that puts it right, where one is known.
    pub fix: Option<Fix>,
    /// A request that shows it.
    pub witness: Option<Proof>,
    /// What asks for it, or explains it: benchmark numbers, addresses.
    pub refs: &'static [&'static str],
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Credentials end up in the log, or nothing does.
    Error,
    /// The policy does not do what it seems to, hides what it should show, or costs much for nothing.
    Warning,
    /// Good to know.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        })
    }
}

/// A request, and the rule that the policy decides it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The request.
    pub request: OwnedAttributes,
    /// The rule, counted from 0; `None` when none matches.
    pub decided_by: Option<usize>,
}

/// Only the request; who prints it says where it belongs.
impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}

/// A change to the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in the imperative.
    pub description: String,
    /// Whether it can be made without asking: what the policy records afterwards is at least as good as before for
    /// whoever wrote it, whatever they meant.
    pub safe: bool,
    /// The changes, in the order of the text, none overlapping another.
    pub edits: Vec<Edit>,
}

/// One replaced stretch of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub replacement: String,
}

/// A lint: what it is called, what it is for, and how it looks.
#[derive(Clone, Copy)]
pub struct Lint {
    /// Its stable name, in kebab-case.
    pub id: &'static str,
    /// How much its findings matter, unless one says otherwise.
    pub severity: Severity,
    /// What it looks for, in one line.
    pub summary: &'static str,
    /// Why that matters, in a sentence or two.
    pub why: &'static str,
    /// What asks for it, or explains it.
    pub refs: &'static [&'static str],
    check: fn(&Context<'_>) -> Vec<Draft>,
}

impl fmt::Debug for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lint").field("id", &self.id).field("severity", &self.severity).finish_non_exhaustive()
    }
}

/// Everything there is to say about the policy that `reading` found in `text`, in the order of the text; nothing when
/// it found none, for then the reading's own findings say why.
pub fn lint(text: &[u8], reading: &Reading) -> Vec<LintFinding> {
    let Some(cx) = Context::new(text, reading) else { return Vec::new() };
    let mut findings: Vec<LintFinding> = LINTS
        .iter()
        .flat_map(|lint| (lint.check)(&cx).into_iter().map(|draft| draft.finish(lint, &cx)))
        .collect();
    if cx.gave_up() {
        findings.push(Draft::policy(context::TOO_COMPLEX).finish(&list::TOO_COMPLEX, &cx));
    }
    findings.sort_by(|a, b| (a.span.start, a.severity, a.id).cmp(&(b.span.start, b.severity, b.id)));
    findings
}

/// A finding in the making: what its lint and the context know is added later.
struct Draft {
    severity: Option<Severity>,
    rule: Option<usize>,
    path: FieldPath,
    message: String,
    fix: Option<Fix>,
    witness: Option<Proof>,
}

impl Draft {
    /// About the policy as a whole.
    fn policy(message: impl Into<String>) -> Self {
        Self {
            severity: None,
            rule: None,
            path: FieldPath::ROOT.key("rules"),
            message: message.into(),
            fix: None,
            witness: None,
        }
    }

    /// About a rule.
    fn rule(rule: usize, message: impl Into<String>) -> Self {
        Self { rule: Some(rule), path: FieldPath::rule(rule), ..Self::policy(message) }
    }

    /// About one field of a rule.
    fn field(rule: usize, field: &str, message: impl Into<String>) -> Self {
        Self { path: FieldPath::rule(rule).key(field), ..Self::rule(rule, message) }
    }

    fn at(self, path: FieldPath) -> Self {
        Self { path, ..self }
    }

    fn severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }

    fn fix(self, fix: Option<Fix>) -> Self {
        Self { fix, ..self }
    }

    fn witness(self, witness: Option<Proof>) -> Self {
        Self { witness, ..self }
    }

    fn finish(self, lint: &Lint, cx: &Context<'_>) -> LintFinding {
        LintFinding {
            id: lint.id,
            severity: self.severity.unwrap_or(lint.severity),
            rule: self.rule,
            span: cx.span(&self.path),
            path: self.path,
            message: self.message,
            why: lint.why,
            fix: self.fix,
            witness: self.witness,
            refs: lint.refs,
        }
    }
}

#[cfg(test)]
mod tests;
