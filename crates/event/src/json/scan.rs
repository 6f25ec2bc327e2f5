//! Where a value ends, without parsing it.
//!
//! Scalars are checked in full, except that a string is only searched for its end. An array or object is skipped by
//! structure: every string in it is closed, as many brackets close as open, of whichever kind, and no backslash
//! stands outside of a string.

use memchr::memchr2;

use super::{DEPTH_MAX, JsonError, JsonProblem, blocks};

/// The first place at or after `at` that is not JSON whitespace.
#[inline]
pub(crate) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The place after the value that starts at `at`.
#[inline]
pub(crate) fn value_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at) {
        Some(b'"') => string_end(bytes, at),
        Some(b'{' | b'[') => container_end(bytes, at),
        Some(b't') => word_end(bytes, at, b"true"),
        Some(b'f') => word_end(bytes, at, b"false"),
        Some(b'n') => word_end(bytes, at, b"null"),
        Some(b'-' | b'0'..=b'9') => number_end(bytes, at),
        Some(_) => Err(JsonError::new(at, JsonProblem::ExpectedValue)),
        None => Err(JsonError::new(at, JsonProblem::UnexpectedEnd)),
    }
}

/// The place after the closing quote of the string whose opening quote is at `at`.
#[inline]
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let mut i = at + 1;
    // Most strings of an event are short: looking at some bytes one by one is faster than starting a vector search.
    let near = bytes.len().min(i + 16);
    while i < near {
        match bytes[i] {
            b'"' => return Ok(i + 1),
            b'\\' => break,
            _ => i += 1,
        }
    }
    loop {
        let rest = bytes.get(i..).unwrap_or_default();
        match memchr2(b'"', b'\\', rest) {
            Some(n) if rest[n] == b'"' => return Ok(i + n + 1),
            Some(n) => i += n + 2,
            None => return Err(JsonError::new(at, JsonProblem::UnclosedString)),
        }
    }
}

/// By blocks; what they find wrong is looked for again byte by byte, for its place.
fn container_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match blocks::container_end(bytes, at)? {
        Some(end) => Ok(end),
        None => container_end_by_bytes(bytes, at),
    }
}

fn container_end_by_bytes(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let mut depth = 0usize;
    let mut i = at;
    while let Some(&byte) = bytes.get(i) {
        match byte {
            b'"' => {
                i = string_end(bytes, i)?;
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(JsonError::new(i, JsonProblem::TooDeep));
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(i + 1);
                }
            }
            _ => {}
        }
        i += 1;
    }
    Err(JsonError::new(bytes.len(), JsonProblem::UnexpectedEnd))
}

fn word_end(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, JsonError> {
    let rest = &bytes[at..];
    if rest.starts_with(word) {
        return Ok(at + word.len());
    }
    let problem = if word.starts_with(rest) { JsonProblem::UnexpectedEnd } else { JsonProblem::BadWord };
    Err(JsonError::new(at, problem))
}

/// `-? (0 | [1-9][0-9]*) (\. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn number_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let bad = || JsonError::new(at, JsonProblem::BadNumber);
    let digits = |mut i: usize| {
        let start = i;
        while matches!(bytes.get(i), Some(b'0'..=b'9')) {
            i += 1;
        }
        if i == start { Err(bad()) } else { Ok(i) }
    };
    let mut i = at;
    if bytes.get(i) == Some(&b'-') {
        i += 1;
    }
    i = if bytes.get(i) == Some(&b'0') { i + 1 } else { digits(i)? };
    if bytes.get(i) == Some(&b'.') {
        i = digits(i + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(i) {
        i += 1;
        if let Some(b'+' | b'-') = bytes.get(i) {
            i += 1;
        }
        i = digits(i)?;
    }
    match bytes.get(i) {
        Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'+' | b'-') => Err(bad()),
        _ => Ok(i),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn check(text: &str, expected: Result<usize, JsonProblem>) {
        assert_eq!(value_end(text.as_bytes(), 0).map_err(|e| e.problem), expected, "{text}");
    }

    #[test]
    fn scalars_end_where_they_end() {
        check("1,", Ok(1));
        check("-0.5e+10 ", Ok(8));
        check("0", Ok(1));
        check("01", Err(JsonProblem::BadNumber));
        check("1.", Err(JsonProblem::BadNumber));
        check("-", Err(JsonProblem::BadNumber));
        check("1e", Err(JsonProblem::BadNumber));
        check("1x", Err(JsonProblem::BadNumber));
        check("true}", Ok(4));
        check("tru", Err(JsonProblem::UnexpectedEnd));
        check("nul1", Err(JsonProblem::BadWord));
        check("", Err(JsonProblem::UnexpectedEnd));
        check("?", Err(JsonProblem::ExpectedValue));
    }

    #[test]
    fn strings_end_at_the_first_quote_that_is_not_escaped() {
        check(r#""a"x"#, Ok(3));
        check(r#""""#, Ok(2));
        check(r#""\"""#, Ok(4));
        check(r#""\\""#, Ok(4));
        check(r#""0123456789abcdef0123456789\"x" "#, Ok(31));
        check(r#""abc"#, Err(JsonProblem::UnclosedString));
        check(r#""abc\"#, Err(JsonProblem::UnclosedString));
        check(r#""abc\""#, Err(JsonProblem::UnclosedString));
    }

    proptest! {
        #[test]
        fn blocks_agree_with_bytes(
            parts in vec(select(vec!["{", "}", "[", "]", "\"", "\"a\"", "\\\"", "\\\\", "\"\\", "x", "          ", "\"{[\"", "\u{e9}"]), 0..200),
            skip in 0..70usize,
        ) {
            let text = format!("{}{{{}", " ".repeat(skip), parts.concat());
            let by_bytes = container_end_by_bytes(text.as_bytes(), skip);
            match blocks::container_end(text.as_bytes(), skip) {
                Ok(end) => prop_assert_eq!(end, by_bytes.ok(), "{}", text),
                // A backslash outside of a string.
                Err(error) => {
                    prop_assert_eq!(error.problem, JsonProblem::ExpectedValue);
                    prop_assert_eq!(text.as_bytes()[error.offset], b'\\');
                }
            }
        }
    }

    #[test]
    fn containers_end_where_brackets_balance() {
        check(r#"{"a":[1,{"b":"}"}]},"#, Ok(19));
        check("[[]]]", Ok(4));
        check("[", Err(JsonProblem::UnexpectedEnd));
        check(r#"["]"#, Err(JsonProblem::UnclosedString));
        let deep = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        check(&deep, Ok(2 * DEPTH_MAX));
        check(&format!("[{deep}]"), Err(JsonProblem::TooDeep));
    }
}
