//! Places in a text: byte spans, lines and columns, field paths.

use std::fmt;
use std::ops::Range;

/// A stretch of the text, in bytes.
pub type Span = Range<usize>;

/// A place as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The position of byte `offset` in `text`; past its end, the end's.
pub fn position(text: &[u8], offset: usize) -> Position {
    let before = &text[..offset.min(text.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let characters =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().filter(|c| *c != '\u{feff}').count();
    Position {
        line: memchr::memchr_iter(b'\n', before).count() + 1,
        column: characters(&before[line_start..]) + 1,
    }
}

/// Where a value stands in a document: `rules[3].resources[0].group`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Step>);

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into a mapping.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

impl FieldPath {
    /// The document itself.
    pub const ROOT: FieldPath = FieldPath(Vec::new());

    /// The path to rule `index`, counted from 0.
    pub fn rule(index: usize) -> Self {
        Self::ROOT.key("rules").index(index)
    }

    /// The path to the value at `key` of this mapping.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// The path to entry `index` of this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is a rule's `resources` or one of its entries.
    pub(super) fn is_in_resources(&self) -> bool {
        let is_resources = matches!(self.0.get(2), Some(Step::Key(key)) if key == "resources");
        is_resources && matches!(self.0.len(), 3 | 4)
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if i == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let check = |text: &str, offset, line, column| {
            assert_eq!(position(text.as_bytes(), offset), Position { line, column }, "{text:?} at {offset}");
        };
        check("", 0, 1, 1);
        check("ab\ncd", 0, 1, 1);
        check("ab\ncd", 4, 2, 2);
        check("é: x", 4, 1, 4);
        check("ab\n", 99, 2, 1);
        check("\u{feff}ab", 3, 1, 1);
    }

    #[test]
    fn paths_read_as_the_reference_prints_them() {
        assert_eq!(
            FieldPath::rule(3).key("resources").index(0).key("group").to_string(),
            "rules[3].resources[0].group"
        );
        assert_eq!(FieldPath::ROOT.to_string(), "");
    }
}
