//! What is wrong with a search, and where.

use std::fmt;
use std::ops::Range;

/// How many findings are told of.
const FINDINGS_MAX: usize = 50;

/// Something that is wrong with a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes; empty where something is missing. Both ends lie between characters of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do; empty where nothing can be said.
    pub hint: String,
}

impl Finding {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Finding { span, message: message.into(), hint: hint.into() }
    }
}

/// `message; hint`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl std::error::Error for Finding {}

/// All that was found so far.
#[derive(Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn note(&mut self, finding: Finding) {
        if self.0.len() < FINDINGS_MAX && !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    /// Whether no more are told of.
    pub(crate) const fn is_full(&self) -> bool {
        self.0.len() >= FINDINGS_MAX
    }

    /// In the order of the text.
    pub(crate) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| (finding.span.start, finding.span.end));
        self.0
    }
}

/// At most so much of a text that a message stays readable.
pub(crate) fn shorten(text: &str) -> &str {
    let end = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
    &text[..end]
}
