//! Sigma's texts: wildcards, and what a backslash escapes.

use auditward_expr::{Fold, Match};

/// A text with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bytes: after an encoding they need not be text.
    Text(Vec<u8>),
    /// `*`: any run of characters.
    Any,
    /// `?`: one character.
    One,
    /// `-`, `/` or any of the longer dashes (modifier `windash`).
    Dash,
}

impl Pattern {
    /// Reads a value: a backslash escapes `*`, `?` and itself, and stands for itself before anything else.
    pub(super) fn parse(text: &str) -> Self {
        let mut pattern = Pattern(Vec::new());
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    let escaped = characters.next_if(|next| matches!(next, '*' | '?' | '\\'));
                    pattern.push(escaped.unwrap_or('\\'));
                }
                '*' => pattern.any_at_end(),
                '?' => pattern.0.push(Piece::One),
                _ => pattern.push(character),
            }
        }
        pattern
    }

    /// A text without wildcards.
    pub(super) fn literal(bytes: Vec<u8>) -> Self {
        Pattern(if bytes.is_empty() { Vec::new() } else { vec![Piece::Text(bytes)] })
    }

    /// Its bytes, when there is no wildcard in it.
    pub(super) fn plain(&self) -> Option<Vec<u8>> {
        match self.0.as_slice() {
            [] => Some(Vec::new()),
            [Piece::Text(bytes)] => Some(bytes.clone()),
            _ => None,
        }
    }

    pub(super) fn any_at_start(&mut self) {
        if self.0.first() != Some(&Piece::Any) {
            self.0.insert(0, Piece::Any);
        }
    }

    pub(super) fn any_at_end(&mut self) {
        if self.0.last() != Some(&Piece::Any) {
            self.0.push(Piece::Any);
        }
    }

    /// What a value is held against; `None` when it is no text any more (UTF-16 that was not encoded further).
    pub(super) fn lower(&self, fold: Fold) -> Option<Lowered> {
        if self.0.contains(&Piece::Dash) {
            return Some(Lowered::Match(Match::Regex(self.regex(fold)?)));
        }
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        Some(Lowered::Match(match self.0.as_slice() {
            [] => Match::Equals(String::new(), fold),
            [Piece::Any] => return Some(Lowered::Anything),
            [Piece::Text(whole)] => Match::Equals(text(whole)?, fold),
            [Piece::Any, Piece::Text(end)] => Match::EndsWith(text(end)?, fold),
            [Piece::Text(start), Piece::Any] => Match::StartsWith(text(start)?, fold),
            [Piece::Any, Piece::Text(part), Piece::Any] => Match::Contains(text(part)?, fold),
            _ => Match::Glob(self.glob()?, fold),
        }))
    }

    fn push(&mut self, character: char) {
        if !matches!(self.0.last(), Some(Piece::Text(_))) {
            self.0.push(Piece::Text(Vec::new()));
        }
        if let Some(Piece::Text(bytes)) = self.0.last_mut() {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// As fnmatch(3) reads it.
    fn glob(&self) -> Option<String> {
        let mut glob = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Any => glob.push('*'),
                Piece::One => glob.push('?'),
                Piece::Text(bytes) => {
                    for character in std::str::from_utf8(bytes).ok()?.chars() {
                        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
                            glob.push('\\');
                        }
                        glob.push(character);
                    }
                }
                Piece::Dash => return None,
            }
        }
        Some(glob)
    }

    fn regex(&self, fold: Fold) -> Option<String> {
        let mut regex = String::from(if fold == Fold::Exact { "(?s)^" } else { "(?is)^" });
        for piece in &self.0 {
            match piece {
                Piece::Any => regex += ".*",
                Piece::One => regex += ".",
                Piece::Dash => regex += "[-/\u{2013}\u{2014}\u{2015}]",
                Piece::Text(bytes) => regex += &super::regex::escape(std::str::from_utf8(bytes).ok()?),
            }
        }
        Some(regex + "$")
    }
}

/// What a [`Pattern`] comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lowered {
    Match(Match),
    /// `*`: any value but `null`.
    Anything,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let lowered = match Pattern::parse(text).lower(Fold::Unicode).unwrap() {
            Lowered::Anything => "anything".to_owned(),
            Lowered::Match(Match::Equals(text, _)) => format!("= {text}"),
            Lowered::Match(Match::StartsWith(text, _)) => format!("starts {text}"),
            Lowered::Match(Match::EndsWith(text, _)) => format!("ends {text}"),
            Lowered::Match(Match::Contains(text, _)) => format!("contains {text}"),
            Lowered::Match(Match::Glob(text, _)) => format!("glob {text}"),
            other @ Lowered::Match(_) => format!("{other:?}"),
        };
        assert_eq!(lowered, expected, "{text}");
    }

    #[test]
    fn wildcards_and_backslashes() {
        check("get", "= get");
        check("", "= ");
        check("*", "anything");
        check("**", "anything");
        check("system:*", "starts system:");
        check("*-admin", "ends -admin");
        check("*sh*", "contains sh");
        check("a*b", "glob a*b");
        check("?", "glob ?");
        check(r"\*", "= *");
        check(r"\\", r"= \");
        check(r"\\*", r"starts \");
        check(r"\\\*", r"= \*");
        check(r"a\b", r"= a\b");
        check(r"C:\Windows\*.exe", r"= C:\Windows*.exe");
        check(r"*[x]?", r"glob *\[x\]?");
        check(r"a\", r"= a\");
    }
}
