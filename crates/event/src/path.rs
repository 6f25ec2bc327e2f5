//! Where in an event something stands: `requestObject.spec.containers[0].image`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The way from an event, or from any [`crate::Value`], down to values in it.
///
/// ```text
/// path = step ( "." key | "[" index "]" | "[" string "]" | "[*]" )*
/// key  = any characters but . [ ] and "
/// ```
/// A key with other characters in it is written as a JSON string in brackets:
/// `annotations["authorization.k8s.io/decision"]`. `[*]` stands for every item of an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    steps: Vec<Step>,
}

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into the value of this key of an object.
    Key(String),
    /// Into this item of an array, counted from zero.
    Index(usize),
    /// Into every item of an array.
    Each,
}

impl Path {
    /// The path that takes these steps; with none, it stays where it starts.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Path { steps: steps.into_iter().collect() }
    }

    /// Reads a path as the type's own words describe it.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        let mut rest = text;
        let wrong =
            |rest: &str, what| PathError { path: text.to_owned(), offset: text.len() - rest.len(), what };
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, after) = bracket(inside).ok_or_else(|| wrong(rest, PROBLEM_BRACKET))?;
                steps.push(step);
                rest = after;
                continue;
            }
            let key = if steps.is_empty() { Some(rest) } else { rest.strip_prefix('.') };
            let key = key.ok_or_else(|| wrong(rest, PROBLEM_SEPARATOR))?;
            let end = key.find(['.', '[', ']', '"']).unwrap_or(key.len());
            if end == 0 || key[end..].starts_with([']', '"']) {
                return Err(wrong(&key[end..], PROBLEM_KEY));
            }
            steps.push(Step::Key(key[..end].to_owned()));
            rest = &key[end..];
        }
        if steps.is_empty() { Err(wrong(rest, PROBLEM_KEY)) } else { Ok(Path { steps }) }
    }

    /// The steps, first to last.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// A text that is not a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("malformed path `{path}` at byte {offset}: expected {what}")]
pub struct PathError {
    path: String,
    offset: usize,
    what: &'static str,
}

const PROBLEM_BRACKET: &str = "`[0]`, `[\"key\"]` or `[*]`";
const PROBLEM_SEPARATOR: &str = "`.` or `[`";
const PROBLEM_KEY: &str = "a key";

/// The step in brackets and what follows them; `inside` starts after the opening one.
fn bracket(inside: &str) -> Option<(Step, &str)> {
    if let Some(after) = inside.strip_prefix("*]") {
        return Some((Step::Each, after));
    }
    if inside.starts_with('"') {
        let end = crate::json::string_end(inside.as_bytes(), 0).ok()?;
        let quoted = inside.get(..end)?;
        crate::json::check(quoted.as_bytes()).ok()?;
        let key = crate::json::text(quoted.as_bytes()).into_owned();
        return Some((Step::Key(key), inside[end..].strip_prefix(']')?));
    }
    let (digits, after) = inside.split_once(']')?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { Some((Step::Index(digits.parse().ok()?), after)) } else { None }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Path::parse(text)
    }
}

/// The text that [`Path::parse`] reads back as the same path.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.steps.iter().enumerate() {
            match step {
                Step::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '"', '\\']) => {
                    let mut quoted = Vec::new();
                    crate::json::write_str(key, &mut quoted);
                    write!(f, "[{}]", String::from_utf8_lossy(&quoted))?;
                }
                Step::Key(key) if i == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Each => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Step]) {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.steps(), expected);
        assert_eq!(path.to_string(), text);
    }

    fn key(key: &str) -> Step {
        Step::Key(key.to_owned())
    }

    #[test]
    fn paths_read_and_print() {
        check("verb", &[key("verb")]);
        check("objectRef.resource", &[key("objectRef"), key("resource")]);
        check("a.b[0].c", &[key("a"), key("b"), Step::Index(0), key("c")]);
        check("a[*][12]", &[key("a"), Step::Each, Step::Index(12)]);
        check("annotations[\"a.b/c\"].d", &[key("annotations"), key("a.b/c"), key("d")]);
        check("[\"\"]", &[key("")]);
        check("[\"a\\\"b\"]", &[key("a\"b")]);
        check("user.extra.a/b-c", &[key("user"), key("extra"), key("a/b-c")]);
    }

    #[test]
    fn a_malformed_path_is_refused_with_its_place() {
        for (text, offset) in [
            ("", 0),
            (".a", 0),
            ("a.", 2),
            ("a..b", 2),
            ("a[", 1),
            ("a[x]", 1),
            ("a[-1]", 1),
            ("a[+1]", 1),
            ("a[\"b]", 1),
            ("a[\"b\\q\"]", 1),
            ("a[99999999999999999999]", 1),
            ("a]b", 1),
            ("a[0]b", 4),
            ("a\"b", 1),
        ] {
            assert_eq!(Path::parse(text).unwrap_err().offset, offset, "{text}");
        }
        assert_eq!(
            Path::parse("a[x]").unwrap_err().to_string(),
            "malformed path `a[x]` at byte 1: expected `[0]`, `[\"key\"]` or `[*]`"
        );
    }
}
