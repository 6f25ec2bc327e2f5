//! The whole grammar of JSON, checked without recursion, and resumable between lines.

use super::scan::{skip_space, value_end};
use super::{DEPTH_MAX, JsonError, JsonProblem};

/// Checks that `bytes` are exactly one JSON value, with whitespace around it.
///
/// Invalid UTF-8 in strings and lone surrogates pass, as they do in Go.
pub(crate) fn check(bytes: &[u8]) -> Result<(), JsonError> {
    let mut checker = Checker::new();
    let end = checker.run(bytes, 0)?.ok_or(JsonError::new(bytes.len(), JsonProblem::UnexpectedEnd))?;
    let end = skip_space(bytes, end);
    if end == bytes.len() { Ok(()) } else { Err(JsonError::new(end, JsonProblem::TrailingText)) }
}

/// Follows the grammar through one value that may come in pieces.
///
/// A piece may end between tokens only. Lines do: no token of JSON holds a line break.
pub(crate) struct Checker {
    /// Whether each open container is an object, outermost first.
    open: Vec<bool>,
    expect: Expect,
}

#[derive(Clone, Copy)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

impl Checker {
    pub(crate) fn new() -> Self {
        Checker { open: Vec::new(), expect: Expect::Value }
    }

    /// Goes on at `at`: the place after the value once it is complete, `None` if `bytes` end before.
    pub(crate) fn run(&mut self, bytes: &[u8], at: usize) -> Result<Option<usize>, JsonError> {
        let mut i = skip_space(bytes, at);
        while let Some(&byte) = bytes.get(i) {
            let wrong = |problem| Err(JsonError::new(i, problem));
            match (self.expect, byte) {
                (Expect::ValueOrEnd, b']') | (Expect::KeyOrEnd, b'}') => {
                    i += 1;
                    if self.close() {
                        return Ok(Some(i));
                    }
                }
                (Expect::CommaOrEnd, b'}' | b']') => {
                    if self.open.last() != Some(&(byte == b'}')) {
                        return wrong(JsonProblem::ExpectedComma);
                    }
                    i += 1;
                    if self.close() {
                        return Ok(Some(i));
                    }
                }
                (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => {
                    if self.open.len() == DEPTH_MAX {
                        return wrong(JsonProblem::TooDeep);
                    }
                    self.open.push(byte == b'{');
                    self.expect = if byte == b'{' { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
                    i += 1;
                }
                (Expect::Value | Expect::ValueOrEnd, _) => {
                    i = if byte == b'"' { checked_string_end(bytes, i)? } else { value_end(bytes, i)? };
                    self.expect = Expect::CommaOrEnd;
                    if self.open.is_empty() {
                        return Ok(Some(i));
                    }
                }
                (Expect::Key | Expect::KeyOrEnd, b'"') => {
                    i = checked_string_end(bytes, i)?;
                    self.expect = Expect::Colon;
                }
                (Expect::Key | Expect::KeyOrEnd, _) => return wrong(JsonProblem::ExpectedKey),
                (Expect::Colon, b':') => {
                    i += 1;
                    self.expect = Expect::Value;
                }
                (Expect::Colon, _) => return wrong(JsonProblem::ExpectedColon),
                (Expect::CommaOrEnd, b',') => {
                    i += 1;
                    self.expect = if self.open.last() == Some(&true) { Expect::Key } else { Expect::Value };
                }
                (Expect::CommaOrEnd, _) => return wrong(JsonProblem::ExpectedComma),
            }
            i = skip_space(bytes, i);
        }
        Ok(None)
    }

    /// Closes the innermost container; whether it was the outermost.
    fn close(&mut self) -> bool {
        self.open.pop();
        self.expect = Expect::CommaOrEnd;
        self.open.is_empty()
    }
}

/// The place after the closing quote; what stands between the quotes is checked.
pub(crate) fn checked_string_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let mut i = plain_end(bytes, at + 1);
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'"' => return Ok(i + 1),
            b'\\' => {
                i += match bytes.get(i + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                    Some(b'u') => {
                        let hex = bytes.get(i + 2..).unwrap_or_default();
                        match hex.iter().take(4).take_while(|b| b.is_ascii_hexdigit()).count() {
                            4 => 6,
                            n if n == hex.len() => break,
                            _ => return Err(JsonError::new(i, JsonProblem::BadEscape)),
                        }
                    }
                    Some(_) => return Err(JsonError::new(i, JsonProblem::BadEscape)),
                    None => break,
                }
            }
            b'\n' | b'\r' => break,
            0..0x20 => return Err(JsonError::new(i, JsonProblem::ControlCharacter)),
            _ => i = plain_end(bytes, i + 1),
        }
    }
    Err(JsonError::new(at, JsonProblem::UnclosedString))
}

/// The first place from `at` on where a quote, a backslash or a control character may stand, eight bytes at a time.
#[inline]
fn plain_end(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // The lowest bit that is set is right; a higher one may be there because of a borrow.
    let below = |eight: u64, least: u8| eight.wrapping_sub(ONES * u64::from(least)) & !eight & HIGH;
    let is = |eight: u64, byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let eight = u64::from_le_bytes(*eight);
        let found = is(eight, b'"') | is(eight, b'\\') | below(eight, 0x20);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &[u8]) -> Result<(), (usize, JsonProblem)> {
        check(text).map_err(|e| (e.offset, e.problem))
    }

    #[test]
    fn whole_values_pass() {
        for text in
            ["{}", "[]", " [1, 2.50 , {\"a\":null}]\n", "\"\\ud800\"", "1e400", "{\"a\":1,\"a\":2}", "true"]
        {
            assert_eq!(verdict(text.as_bytes()), Ok(()), "{text}");
        }
        assert_eq!(verdict(b"\"\xff\""), Ok(()));
    }

    #[test]
    fn each_problem_has_its_place() {
        let cases: [(&str, usize, JsonProblem); 20] = [
            ("", 0, JsonProblem::UnexpectedEnd),
            ("{\"a\":[1", 7, JsonProblem::UnexpectedEnd),
            ("{a:1}", 1, JsonProblem::ExpectedKey),
            ("{\"a\" 1}", 5, JsonProblem::ExpectedColon),
            ("{\"a\":1,}", 7, JsonProblem::ExpectedKey),
            ("{\"a\":}", 5, JsonProblem::ExpectedValue),
            ("[1,]", 3, JsonProblem::ExpectedValue),
            ("[,1]", 1, JsonProblem::ExpectedValue),
            ("[1 2]", 3, JsonProblem::ExpectedComma),
            ("[1}", 2, JsonProblem::ExpectedComma),
            ("{\"a\":1]", 6, JsonProblem::ExpectedComma),
            ("[}", 1, JsonProblem::ExpectedValue),
            ("{]", 1, JsonProblem::ExpectedKey),
            ("{} x", 3, JsonProblem::TrailingText),
            ("\"a\\qb\"", 2, JsonProblem::BadEscape),
            ("\"a\\u12\"", 2, JsonProblem::BadEscape),
            ("\"a\tb\"", 2, JsonProblem::ControlCharacter),
            ("\"a\nb\"", 0, JsonProblem::UnclosedString),
            ("[\"a\\u12", 1, JsonProblem::UnclosedString),
            ("[nul]", 1, JsonProblem::BadWord),
        ];
        for (text, offset, problem) in cases {
            assert_eq!(verdict(text.as_bytes()), Err((offset, problem)), "{text}");
        }
    }

    #[test]
    fn depth_has_a_bound() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert_eq!(verdict(deep(DEPTH_MAX).as_bytes()), Ok(()));
        assert_eq!(verdict(deep(DEPTH_MAX + 1).as_bytes()), Err((DEPTH_MAX, JsonProblem::TooDeep)));
    }

    #[test]
    fn a_value_may_come_in_lines() {
        let lines = ["{\n", "  \"a\": [\n", "    1,\n", "    2\n", "  ]\n", "}  rest\n"];
        let mut checker = Checker::new();
        for line in &lines[..5] {
            assert_eq!(checker.run(line.as_bytes(), 0), Ok(None), "{line}");
        }
        assert_eq!(checker.run(lines[5].as_bytes(), 0), Ok(Some(1)));
    }
}
