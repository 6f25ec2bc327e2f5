//! Letters that differ by case only.

use std::borrow::Cow;

use crate::Fold;

impl Fold {
    /// The one form that stands for all that are the same: borrowed where the text is in it already.
    pub(crate) fn apply(self, text: &str) -> Cow<'_, str> {
        match self {
            Fold::Exact => Cow::Borrowed(text),
            Fold::Ascii if text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                Cow::Owned(text.to_ascii_lowercase())
            }
            Fold::Unicode if !text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) => {
                Cow::Owned(text.chars().map(fold).collect())
            }
            Fold::Ascii | Fold::Unicode => Cow::Borrowed(text),
        }
    }

    /// Whether two texts are the same; `folded` is in its one form already.
    pub(crate) fn is(self, text: &str, folded: &str) -> bool {
        match self {
            Fold::Exact => text == folded,
            Fold::Ascii => text.eq_ignore_ascii_case(folded),
            Fold::Unicode => text.chars().map(fold).eq(folded.chars()),
        }
    }

    /// Whether a text begins with one that is in its one form already.
    pub(crate) fn starts(self, text: &str, folded: &str) -> bool {
        match self {
            Fold::Exact => text.starts_with(folded),
            Fold::Ascii => {
                text.as_bytes().get(..folded.len()).is_some_and(|t| t.eq_ignore_ascii_case(folded.as_bytes()))
            }
            Fold::Unicode => {
                let mut text = text.chars().map(fold);
                folded.chars().all(|wanted| text.next() == Some(wanted))
            }
        }
    }

    /// Whether a text ends with one that is in its one form already.
    pub(crate) fn ends(self, text: &str, folded: &str) -> bool {
        match self {
            Fold::Exact => text.ends_with(folded),
            Fold::Ascii => {
                let start = text.len().checked_sub(folded.len());
                start.is_some_and(|start| text.as_bytes()[start..].eq_ignore_ascii_case(folded.as_bytes()))
            }
            Fold::Unicode => {
                let mut text = text.chars().rev().map(fold);
                folded.chars().rev().all(|wanted| text.next() == Some(wanted))
            }
        }
    }
}

/// Unicode's simple case folding, by way of upper case so that `ſ` is `s` and `ς` is `σ`. Letters whose other case is
/// more than one letter stay as they are, and so does the dotless `ı`, which is no `i`.
fn fold(letter: char) -> char {
    match letter {
        'A'..='Z' => letter.to_ascii_lowercase(),
        '\0'..='\x7f' | 'ı' => letter,
        _ => one(one(letter, letter.to_uppercase()), one(letter, letter.to_uppercase()).to_lowercase()),
    }
}

fn one(letter: char, mut other: impl Iterator<Item = char>) -> char {
    match (other.next(), other.next()) {
        (Some(other), None) => other,
        _ => letter,
    }
}
