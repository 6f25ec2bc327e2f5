//! What there is to say about a file of rules.

use std::fmt;

use auditward_policy::read::{Position, Span, position};

/// One thing to tell a rule's author, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// A stable word for the kind of finding where the language has one: Falco's `LOAD_UNKNOWN_KEY`. Empty otherwise.
    pub code: &'static str,
    /// The text's name as it was handed over.
    pub file: String,
    /// Where it stands in the text, in bytes.
    pub span: Span,
    /// The same for people.
    pub at: Position,
    /// The rule that it concerns, by its id, where it is about one.
    pub rule: Option<String>,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How much a finding matters; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Something does not run because of it: the file, or the rule that is named.
    Error,
    /// It runs, but hardly as it was meant.
    Warning,
    /// It runs; there is something to know.
    Info,
}

impl Finding {
    /// A finding at `span` of `text`, which is called `file`.
    pub fn new(weight: Weight, file: &str, text: &str, span: Span, message: impl Into<String>) -> Self {
        Finding {
            weight,
            code: "",
            file: file.to_owned(),
            at: position(text.as_bytes(), span.start),
            span,
            rule: None,
            message: message.into(),
            hint: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// About this rule.
    #[must_use]
    pub fn rule(mut self, id: impl Into<String>) -> Self {
        self.rule = Some(id.into());
        self
    }

    /// Of this kind.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }
}

/// `rules.yml:3:5: error: …`, then the hint on a line of its own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.at, self.weight, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Weight::Error => "error",
            Weight::Warning => "warning",
            Weight::Info => "info",
        })
    }
}
