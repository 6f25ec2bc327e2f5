//! What is said while one document is read; it gets its file and rule afterwards.

use auditward_policy::read::Span;

use crate::Weight;

/// In the order in which things were noticed.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) list: Vec<Note>,
    refused: bool,
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
        if self.list.len() >= NOTES_MAX {
            // The last place is overwritten: the first ones matter.
            self.list.truncate(NOTES_MAX - 1);
        }
        self.list.push(Note { weight, span, message, hint: None });
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
