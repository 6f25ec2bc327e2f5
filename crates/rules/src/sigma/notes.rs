//! What is said while one document is read; it gets its file and rule afterwards.

use auditward_policy::read::{Span, did_you_mean};

use crate::Weight;

/// In the order in which things were noticed.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) list: Vec<Note>,
    refused: bool,
    unsaid: Option<Note>,
}

/// See [`crate::Finding`].
pub(super) struct Note {
    pub(super) weight: Weight,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// One rule cannot usefully say more.
const NOTES_MAX: usize = 200;

impl Notes {
    /// The rule does not run.
    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) -> &mut Note {
        self.refused = true;
        self.push(Weight::Error, span, message.into())
    }

    pub(super) fn warning(&mut self, span: Span, message: impl Into<String>) -> &mut Note {
        self.push(Weight::Warning, span, message.into())
    }

    pub(super) fn info(&mut self, span: Span, message: impl Into<String>) -> &mut Note {
        self.push(Weight::Info, span, message.into())
    }

    /// Whether there was an error.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    /// Whether more is hardly worth looking for.
    pub(super) fn full(&self) -> bool {
        self.list.len() >= NOTES_MAX
    }

    fn push(&mut self, weight: Weight, span: Span, message: String) -> &mut Note {
        let note = Note { weight, span, message, hint: None };
        // Of too many, errors still take the last place: they are why the rule does not run.
        if self.full() {
            if weight != Weight::Error {
                return self.unsaid.insert(note);
            }
            self.list.pop();
        }
        self.list.push(note);
        let last = self.list.len() - 1;
        &mut self.list[last]
    }
}

impl Note {
    /// With what to do about it.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

/// The one of `known` that `word` was probably meant to be. A letter or two are near to everything.
pub(super) fn near<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    did_you_mean(word, known).filter(|near| word.len() > 2 && near.len() > 2)
}
