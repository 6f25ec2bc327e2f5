//! What is wrong with a JSON text, and at which byte.

use thiserror::Error;

/// What is wrong with a JSON text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{problem} at byte {offset}")]
pub struct JsonError {
    /// Bytes before the place of the problem, from the start of the text that was read.
    pub offset: usize,
    /// What is wrong.
    pub problem: JsonProblem,
}

impl JsonError {
    pub(crate) const fn new(offset: usize, problem: JsonProblem) -> Self {
        JsonError { offset, problem }
    }

    /// The same problem in a text that starts `by` bytes earlier.
    pub(crate) const fn moved(self, by: usize) -> Self {
        JsonError { offset: self.offset + by, problem: self.problem }
    }

    /// The same problem, counted from a place `by` bytes further on.
    pub(crate) const fn moved_back(self, by: usize) -> Self {
        JsonError { offset: self.offset.saturating_sub(by), problem: self.problem }
    }
}

/// What can be wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonProblem {
    /// The text ends in the middle of a value.
    #[error("the text ends in the middle of a value")]
    UnexpectedEnd,
    /// The text ends in the middle of a string, or a line break stands in it.
    #[error("a string without end")]
    UnclosedString,
    /// Something other than an object where an event must stand.
    #[error("expected an object")]
    ExpectedObject,
    /// No value where one must stand.
    #[error("expected a value")]
    ExpectedValue,
    /// No string where the key of an object must stand.
    #[error("expected a key in double quotes")]
    ExpectedKey,
    /// No colon after a key.
    #[error("expected `:`")]
    ExpectedColon,
    /// Neither a comma nor the end of the array or object.
    #[error("expected `,` or the end of the array or object")]
    ExpectedComma,
    /// Not a number as JSON writes them.
    #[error("malformed number")]
    BadNumber,
    /// A word that is not `true`, `false` or `null`.
    #[error("expected `true`, `false` or `null`")]
    BadWord,
    /// A backslash followed by what is no escape.
    #[error("malformed escape in a string")]
    BadEscape,
    /// A control character (below U+0020) in a string.
    #[error("control character in a string")]
    ControlCharacter,
    /// Nested deeper than [`crate::DEPTH_MAX`].
    #[error("nested deeper than 10000 levels")]
    TooDeep,
    /// Something after the value.
    #[error("unexpected text after the value")]
    TrailingText,
    /// The text is larger than 4 GiB.
    #[error("larger than 4 GiB")]
    TooLong,
}
