//! The parts of a JSON text, one after the other, without recursion.
//!
//! The text must have been checked ([`auditward_event::Value::validate`]); of any other the walk just ends early.

use std::ops::Range;

use memchr::memchr2;

/// A part of a JSON text; ranges are with quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `{` or `[`, and where.
    Open { at: usize, object: bool },
    /// `}` or `]`, and the place behind it.
    Close { end: usize },
    /// The key of the value that comes next.
    Key(Range<usize>),
    /// A string.
    Text(Range<usize>),
    /// A number.
    Number(Range<usize>),
    /// `true`, `false` or `null`.
    Word(Range<usize>),
}

/// Walks over a JSON text.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Whether each open container is an object, outermost first.
    open: Vec<bool>,
    /// Whether a string here is a key.
    key: bool,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Tokens { bytes, at: 0, open: Vec::new(), key: false }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let at = self.at;
            match self.bytes.get(at)? {
                b'{' | b'[' => {
                    let object = self.bytes[at] == b'{';
                    self.open.push(object);
                    self.key = object;
                    self.at += 1;
                    return Some(Token::Open { at, object });
                }
                b'}' | b']' => {
                    self.open.pop()?;
                    self.key = false;
                    self.at += 1;
                    return Some(Token::Close { end: self.at });
                }
                b',' => {
                    self.key = self.open.last() == Some(&true);
                    self.at += 1;
                }
                b'"' => {
                    self.at = string_end(self.bytes, at)?;
                    let range = at..self.at;
                    return Some(if std::mem::take(&mut self.key) {
                        Token::Key(range)
                    } else {
                        Token::Text(range)
                    });
                }
                b'-' | b'0'..=b'9' => {
                    self.at +=
                        self.run(|byte| matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E'));
                    return Some(Token::Number(at..self.at));
                }
                byte if byte.is_ascii_alphabetic() => {
                    self.at += self.run(|byte| byte.is_ascii_alphabetic());
                    return Some(Token::Word(at..self.at));
                }
                _ => self.at += 1,
            }
        }
    }
}

impl Tokens<'_> {
    fn run(&self, is: impl Fn(u8) -> bool) -> usize {
        self.bytes[self.at..].iter().take_while(|byte| is(**byte)).count()
    }
}

/// The place behind the string whose opening quote is at `at`.
pub(super) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut i = at + 1;
    loop {
        let rest = bytes.get(i..)?;
        match memchr2(b'"', b'\\', rest)? {
            n if rest[n] == b'"' => return Some(i + n + 1),
            n => i += n + 2,
        }
    }
}

/// Writes `text` as a JSON string, as Go does; bytes that are not UTF-8 stay as they are.
pub(super) fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 | b'<' | b'>' | b'&' => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
